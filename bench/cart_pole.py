"""CartPole without velocities: an agent with a memory of keepgate's, and sb3-contrib's own beside it.

    python -m bench.cart_pole [--seeds 0 1 2] [--steps 300000] [--cell lstm]

Each seed trains sb3-contrib's RecurrentPPO with keepgate's policy, until it balances the pole to the end in 32 episodes
that are played now and then, or for so many steps; it then plays 100 others (500 steps at most), and says how far back
the policy looks. The two policies then train in turns on the same environment, and the losses of a rollout are
compared. Writes results/cart_pole.json, each seed when it has been measured; `--seeds` without a number measures speed
and losses alone. One thread. Settings: those of rl-baselines3-zoo for this task, but for the steps.
"""

import argparse
import json
import statistics
import time
from typing import Any

import gymnasium
import numpy as np
import torch
from rich.progress import Progress
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.callbacks import BaseCallback, EvalCallback, StopTrainingOnRewardThreshold
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from bench.machine import machine
from bench.markdown import RESULTS
from keepgate.integrations.sb3 import RecurrentPolicy
from keepgate.lens import examine

RESULT = RESULTS / "cart_pole.json"
EPISODES = 100
# Training ends when so many episodes, played each so many frames, reach on average this reward.
TRIALS, PERIOD, ENOUGH = 32, 10_000, 495.0
# Frames of each turn in which the two policies are timed, and how many turns.
FRAMES, TURNS = 8192, 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--cell", default="lstm")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for seed in options.seeds:
        _keep("seeds", {f"{seed}": trained(seed, options.cell, options.steps)})
    _keep("speed", {"frames_a_second": timed(), "loss_difference": loss_difference()})


def _keep(part: str, measured: dict[str, Any]) -> None:
    """Writes what was measured beside what the file holds of other seeds."""
    written = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    written["machine"] = machine()
    written[part] = written.get(part, {}) | measured
    RESULT.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(measured), flush=True)


def positions_only() -> gymnasium.Env[Any, Any]:
    """CartPole-v1, of which cart position and pole angle are seen, and no velocity."""
    env = gymnasium.make("CartPole-v1")
    space = gymnasium.spaces.Box(
        *(bound[[0, 2]] for bound in (env.observation_space.low, env.observation_space.high))
    )
    return gymnasium.wrappers.TransformObservation(env, lambda observation: observation[[0, 2]], space)


def agent(policy: Any, seed: int, **policy_kwargs: Any) -> RecurrentPPO:
    env = VecNormalize(make_vec_env(positions_only, 8, seed=seed))
    return RecurrentPPO(
        policy, env, n_steps=32, batch_size=256, n_epochs=20, gamma=0.98, gae_lambda=0.8, ent_coef=0.0,
        learning_rate=lambda left: 1e-3 * left, clip_range=lambda left: 0.2 * left, seed=seed, device="cpu",
        policy_kwargs={
            "ortho_init": False, "activation_fn": torch.nn.ReLU, "lstm_hidden_size": 64,
            "net_arch": {"pi": [64], "vf": [64]}, **policy_kwargs,
        },
    )  # fmt: skip


class Bar(BaseCallback):
    """A progress bar of the frames."""

    def __init__(self, name: str, steps: int) -> None:
        super().__init__()
        self.bar, self.name, self.steps = Progress(), name, steps

    def _on_training_start(self) -> None:
        self.bar.start()
        self.task = self.bar.add_task(self.name, total=self.steps)

    def _on_step(self) -> bool:
        self.bar.update(self.task, completed=self.num_timesteps)
        return True

    def _on_training_end(self) -> None:
        self.bar.stop()


def trained(seed: int, cell: str, steps: int) -> dict[str, Any]:
    """One training, what its agent reaches, and how far back it looks."""
    model, started = agent(RecurrentPolicy, seed, cell=cell), time.process_time()
    model.learn(steps, callback=[Bar(f"seed {seed}", steps), _until_it_balances(seed)])
    minutes = (time.process_time() - started) / 60
    env = model.get_env()
    assert isinstance(env, VecNormalize)
    env.training = False
    rewards = played(model, env)
    report = examine(model, 256, steps=48)
    return {
        "cell": cell, "steps": model.num_timesteps, "reward": statistics.mean(rewards), "worst": min(rewards),
        "cpu_minutes": minutes, "horizon": report.horizon, "interval": report.interval,
        "sentence": report.verdict.sentence,
    }  # fmt: skip


def _until_it_balances(seed: int) -> EvalCallback:
    """Ends a training; its episodes are others than those of the training and of the measurement."""
    trials = VecNormalize(
        make_vec_env(positions_only, 8, seed=10_000 + seed), training=False, norm_reward=False
    )
    return EvalCallback(
        trials, callback_on_new_best=StopTrainingOnRewardThreshold(ENOUGH, verbose=0), n_eval_episodes=TRIALS,
        eval_freq=PERIOD // 8, deterministic=True, verbose=0, warn=False,
    )  # fmt: skip


def played(model: RecurrentPPO, env: VecEnv) -> list[float]:
    """The rewards of the first 100 episodes, whichever of the environments they end in, without exploring."""
    rewards, totals = [], np.zeros(env.num_envs)
    observation, state, begins = env.reset(), None, np.ones(env.num_envs, dtype=bool)
    while len(rewards) < EPISODES:
        action, state = model.predict(observation, state, begins, deterministic=True)
        observation, _, begins, _ = env.step(action)
        totals += env.get_original_reward()
        rewards += totals[begins].tolist()
        totals[begins] = 0
    return rewards[:EPISODES]


def timed() -> dict[str, list[float]]:
    """Frames a second of training, by policy, in turns."""
    models = {"keepgate": agent(RecurrentPolicy, 0), "sb3-contrib": agent("MlpLstmPolicy", 0)}
    rates: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(TURNS):
        for name, model in models.items():
            started = time.perf_counter()
            model.learn(FRAMES, callback=Bar(name, FRAMES))
            rates[name].append(FRAMES / (time.perf_counter() - started))
    return rates


def loss_difference() -> float:
    """The largest relative difference of the loss of one batch, after one rollout, between the two policies."""
    theirs, ours = agent("MlpLstmPolicy", 0), agent(RecurrentPolicy, 0)
    theirs.learn(256)
    ours.policy.load_state_dict(theirs.policy.state_dict())
    largest = 0.0
    for batch in theirs.rollout_buffer.get(128):
        losses = []
        for model in (ours, theirs):
            values, log_prob, _ = model.policy.evaluate_actions(
                batch.observations, batch.actions.long().flatten(), batch.lstm_states, batch.episode_starts
            )
            ratio = (log_prob - batch.old_log_prob).exp()
            policy = -torch.min(batch.advantages * ratio, batch.advantages * ratio.clamp(0.8, 1.2))
            value = (batch.returns - values.flatten()) ** 2
            losses.append(float((policy + 0.5 * value)[batch.mask > 1e-8].double().mean()))
        largest = max(largest, abs(losses[0] - losses[1]) / abs(losses[1]))
    return largest


if __name__ == "__main__":
    main()
