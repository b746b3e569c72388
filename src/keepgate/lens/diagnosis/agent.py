"""A recurrent agent of sb3-contrib's RecurrentPPO as a model and rows: what it observes, and what it then does."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import SettingsError

# The first steps of each episode, where nobody says how many.
STEPS = 64


@runtime_checkable
class Agent(Protocol):
    """What is used of an agent: its recurrent policy, the environment that it plays in, and what it does there."""

    policy: Any

    def get_env(self) -> Any:
        """The environments, as one; None if it has none."""

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> Any:
        """Actions and the states after them."""


class ActionModel(nn.Module):
    """A recurrent policy as a plain model: observations [rows, time, …] → the action head's numbers at every step.

    These are logits of discrete actions, or means of continuous ones; every row begins an episode.
    """

    def __init__(self, policy: Any) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, observations: Tensor) -> Tensor:
        """[rows, time, actions]."""
        rows, steps = observations.shape[:2]
        policy = self.policy
        features = policy.extract_features(observations.flatten(0, 1), policy.pi_features_extractor)
        output, _ = policy.lstm_actor(features.reshape(rows, steps, -1).transpose(0, 1))
        numbers: Tensor = policy.action_net(policy.mlp_extractor.forward_actor(output.transpose(0, 1)))
        return numbers


def episodes_of(agent: Agent, episodes: Any, steps: int) -> tuple[Tensor, Tensor]:
    """Observations [episodes, steps, …] that an agent makes in its environment without exploring, and its actions.

    Raises SettingsError for no environment or no number of episodes, where a hundred times as many steps as are asked
    for have no such episodes, or for observations that are dictionaries.
    """
    if not isinstance(episodes, int) or isinstance(episodes, bool) or episodes < 1 or steps < 1:
        raise SettingsError(
            f"an agent is examined on episodes that it plays, and data is {episodes!r}, steps {steps}; give how many "
            "episodes, such as lens.examine(agent, 32), and 1 step or more"
        )
    env = agent.get_env()
    if env is None:
        raise SettingsError("the agent has no environment to play in; give it one by agent.set_env(env)")
    training = [(layer, layer.training) for layer in _wrappers(env) if "training" in vars(layer)]
    try:
        # VecNormalize moves its statistics by all that it is shown, unless it is told not to.
        for layer, _ in training:
            layer.training = False
        played = _play(agent, env, episodes, steps)
    finally:
        for layer, was in training:
            layer.training = was
    observed, actions = (np.stack(part) for part in zip(*played, strict=True))
    targets = torch.as_tensor(actions)
    return torch.as_tensor(observed).float(), targets if targets.is_floating_point() else targets.long()


def _wrappers(env: Any) -> list[Any]:
    """The environment and those inside it."""
    layers = [env]
    while "venv" in vars(layers[-1]):
        layers.append(layers[-1].venv)
    return layers


def _play(agent: Agent, env: Any, episodes: int, steps: int) -> list[tuple[Any, Any]]:
    observation: Any = env.reset()
    if isinstance(observation, dict):
        raise SettingsError(
            "the observations are dictionaries; wrap the environment in gymnasium.wrappers.FlattenObservation"
        )
    begins, state = np.ones(env.num_envs, dtype=bool), None
    histories: list[list[tuple[Any, Any]]] = [[] for _ in range(env.num_envs)]
    whole_episodes: list[tuple[Any, Any]] = []
    for _ in range(-(-100 * episodes * steps // env.num_envs)):
        action, state = agent.predict(observation, state, begins, deterministic=True)
        for row, history in enumerate(histories):
            history.append((observation[row].copy(), action[row]))
        observation, _, begins, _ = env.step(action)
        for row in np.flatnonzero(begins).tolist():
            if len(histories[row]) >= steps:
                observations, actions = zip(*histories[row][:steps], strict=True)
                whole_episodes.append((np.stack(observations), np.stack(actions)))
            histories[row] = []
        if len(whole_episodes) >= episodes:
            return whole_episodes[:episodes]
    raise SettingsError(
        f"of the episodes played, {len(whole_episodes)} have {steps} steps or more, and {episodes} are asked for; "
        "give fewer steps"
    )
