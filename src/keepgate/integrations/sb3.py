"""RecurrentPolicy: keepgate's layers as the memory of a policy of sb3-contrib's RecurrentPPO; how far back it looks."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..equations import Cell
from ..errors import PackageMissing, SettingsError
from ..lens import Report
from ..lens import examine as examine_model
from ..lens.attribution import LookBack, explain_model
from ..nn import Recurrent

try:
    from gymnasium.spaces import Discrete
    from sb3_contrib import RecurrentPPO
    from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
    from stable_baselines3.common.vec_env import VecEnv, VecNormalize
except ModuleNotFoundError as missing:
    raise PackageMissing(
        f"keepgate.integrations.sb3 needs {missing.name}, which is not installed; run: pip install 'keepgate[rl]'",
        name=missing.name,
    ) from missing

States = tuple[Tensor, Tensor]


class RecurrentPolicy(RecurrentActorCriticPolicy):
    """A policy for RecurrentPPO in place of "MlpLstmPolicy", with any cell as its memory.

        RecurrentPPO(RecurrentPolicy, env, policy_kwargs={"cell": "gru", "lstm_hidden_size": 64})

    Where episodes begin within a batch, one call with `resets` takes the place of sb3-contrib's loop over time; what
    the policy computes is the same. With the cell "lstm" initial weights and names are sb3-contrib's too.

    cell: any with one or two states, such as "lstm", "gru", "rnn_tanh", "mingru". init, horizon, forget_bias: as
    `keepgate.nn.Recurrent` takes them. The rest is RecurrentActorCriticPolicy's.
    Raises SettingsError for a cell with more states, since sb3-contrib keeps two.
    """

    def __init__(
        self,
        *args: Any,
        cell: Cell | str = "lstm",
        init: str = "torch",
        horizon: float | None = None,
        forget_bias: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        drawn = {"init": init, "horizon": horizon, "forget_bias": forget_bias}
        for name in ("lstm_actor", "lstm_critic"):
            theirs = getattr(self, name)
            if theirs is not None:
                setattr(self, name, _memory(cell, theirs, drawn))
        learning_rate = self.optimizer.param_groups[0]["lr"]
        optimiser: Any = self.optimizer_class
        self.optimizer = optimiser(self.parameters(), lr=learning_rate, **self.optimizer_kwargs)

    @staticmethod
    def _process_sequence(  # type: ignore[override]  # which the library declares as two tensors, and gives a pair
        features: Tensor, lstm_states: States, episode_starts: Tensor, lstm: Recurrent
    ) -> tuple[Tensor, States]:
        """The outputs, [rows · time, units], and the states after the last step. A state that the cell lacks stays."""
        rows = lstm_states[0].shape[1]
        x = features.reshape(rows, -1, lstm.input_size).transpose(0, 1)
        begins = episode_starts.reshape(rows, -1).transpose(0, 1) != 0
        resets = begins if len(x) > 1 and begins.any() else None
        if resets is None:
            keeps = (~begins[0]).view(1, rows, 1)
            lstm_states = (lstm_states[0] * keeps, lstm_states[1] * keeps)
        alone = len(lstm.cell.states) == 1
        output, final = lstm(x, lstm_states[0] if alone else lstm_states, resets=resets)
        return output.transpose(0, 1).flatten(0, 1), (final, lstm_states[1]) if alone else final


def _memory(cell: Cell | str, theirs: nn.LSTM, drawn: dict[str, Any]) -> Recurrent:
    weight = theirs.all_weights[0][0]
    ours = Recurrent(
        cell, theirs.input_size, theirs.hidden_size, theirs.num_layers, bias=theirs.bias, dropout=theirs.dropout,
        device=weight.device, dtype=weight.dtype, **drawn,
    )  # fmt: skip
    if len(ours.cell.states) > 2:
        raise SettingsError(
            f"{ours.cell.name} has the states {', '.join(ours.cell.states)}, and sb3-contrib keeps two; take a cell "
            "with one or two, such as lstm or gru"
        )
    if ours.cell.name == "lstm" and drawn["init"] == "torch" and drawn["forget_bias"] is None:
        ours.load_state_dict(theirs.state_dict())
    return ours


class ActionModel(nn.Module):
    """A recurrent policy as a plain model: observations [rows, time, …] → the action head's numbers at every step.

    These are logits of discrete actions, or means of continuous ones; every row begins an episode.
    """

    def __init__(self, policy: RecurrentActorCriticPolicy) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, observations: Tensor) -> Tensor:
        """[rows, time, actions]."""
        rows, steps = observations.shape[:2]
        policy = self.policy
        features: Any = policy.extract_features(observations.flatten(0, 1), policy.pi_features_extractor)
        output, _ = policy.lstm_actor(features.reshape(rows, steps, -1).transpose(0, 1))
        numbers: Tensor = policy.action_net(policy.mlp_extractor.forward_actor(output.transpose(0, 1)))
        return numbers


def examine(agent: RecurrentPPO, *, episodes: int = 32, steps: int = 64, **options: Any) -> Report:
    """What an agent's memory does: `lens.examine` of its policy, on the first steps of episodes that it plays.

    It plays its own environment without exploring, and its actions are the targets. One rests on what was observed
    earlier if the policy acts otherwise both where it is shown the last steps only, as if an episode began there, and
    where the earlier ones are another episode's. An action that one of the two leaves as it is does not count, so that
    the reach is understated where there are few actions: how far back the policy looks, says `look_back`.

    episodes: how many of them, of `steps` steps or more; shorter ones do not count. options: of `lens.examine`.
    Raises SettingsError where a hundred times as many steps as are asked for have no such episodes, or for observations
    that are dictionaries.
    """
    env = agent.get_env()
    assert env is not None
    observed, done = _episodes(agent, env, episodes, steps)
    layer = options.pop("layer", "policy.lstm_actor")
    policy: Any = agent.policy
    return examine_model(ActionModel(policy), [(observed, done)], layer=layer, **options)


def look_back(agent: RecurrentPPO, *, episodes: int = 32, steps: int = 64) -> LookBack:
    """How many of its last observations an agent's actions hang on, whether they become others by it or only less sure.

    At the last of the first `steps` steps of episodes that it plays: everything older is another episode's, and each
    action's probability, or mean, keeps all but a hundredth of its variance. That of the action which looks furthest.
    episodes: 8 at least. Raises SettingsError as `examine` does, for fewer, and where all its actions are alike.
    """
    env, policy = agent.get_env(), agent.policy
    assert env is not None
    assert isinstance(policy, RecurrentActorCriticPolicy)
    model = ActionModel(policy)
    observed, _ = _episodes(agent, env, episodes, steps)
    with torch.no_grad():
        actions = range(model(observed[:1]).shape[-1])
    labels = actions if isinstance(agent.action_space, Discrete) else None
    reaches = [explain_model(model, observed, target=k, labels=labels, time=1).look_back for k in actions]
    measured = [reach for reach in reaches if reach is not None]
    if not measured:
        raise SettingsError(
            f"the actions in {episodes} episodes are all alike, or the episodes are too few to say what they hang on; "
            "give episodes=8 or more, or train the agent"
        )
    return max(measured, key=lambda reach: reach.steps)


def _episodes(agent: RecurrentPPO, env: VecEnv, episodes: int, steps: int) -> tuple[Tensor, Tensor]:
    """Observations [episodes, steps, …] and the actions that followed on them."""
    normalised = env if isinstance(env, VecNormalize) else None
    was_training = normalised is not None and normalised.training
    if normalised is not None:
        normalised.training = False
    try:
        played = _play(agent, env, episodes, steps)
    finally:
        if normalised is not None:
            normalised.training = was_training
    observed, actions = (np.stack(part) for part in zip(*played, strict=True))
    targets = torch.as_tensor(actions)
    return torch.as_tensor(observed).float(), targets if targets.is_floating_point() else targets.long()


def _play(agent: RecurrentPPO, env: VecEnv, episodes: int, steps: int) -> list[tuple[Any, Any]]:
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
