"""The policy of sb3-contrib's RecurrentPPO with keepgate's layers."""

import gymnasium
import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

import keepgate
from keepgate import SettingsError
from keepgate.integrations.sb3 import RecurrentPolicy, look_back
from keepgate.lens import examine

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


class Recall(gymnasium.Env):
    """The first observation is 1 or -1; the action that counts names it, `delay` steps later, as the episode ends."""

    observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, delay=6):
        self.delay = delay

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.cue = 0, int(self.np_random.integers(2))
        return self._observation(), {}

    def step(self, action):
        self.steps += 1
        reward = float(action == self.cue) if self.steps == self.delay else 0.0
        return self._observation(), reward, self.steps >= self.delay, False, {}

    def _observation(self):
        return np.array([(2 * self.cue - 1) * (self.steps == 0), self.steps == self.delay - 1], np.float32)


def agent(policy, *, seed=0, envs=4, env=Recall, **policy_kwargs):
    return RecurrentPPO(
        policy, make_vec_env(env, envs, seed=seed), n_steps=16, batch_size=32, n_epochs=2, seed=seed, device="cpu",
        policy_kwargs={"lstm_hidden_size": 8, "net_arch": [8], **policy_kwargs},
    )  # fmt: skip


@pytest.mark.parametrize(
    "options", [{}, {"n_lstm_layers": 2}, {"shared_lstm": True, "enable_critic_lstm": False}]
)
def test_a_rollout_has_the_loss_and_gradients_of_the_librarys_own_policy(options):
    ours, theirs = agent(RecurrentPolicy, **options), agent("MlpLstmPolicy", **options)
    ours.policy.load_state_dict(theirs.policy.state_dict())
    theirs.learn(64)
    ours.policy.load_state_dict(theirs.policy.state_dict())
    batch = next(theirs.rollout_buffer.get(32))
    assert batch.episode_starts.any()
    results = []
    for each in (ours, theirs):
        values, log_prob, entropy = each.policy.evaluate_actions(
            batch.observations, batch.actions.long().flatten(), batch.lstm_states, batch.episode_starts
        )
        loss = (
            (values.flatten() * batch.advantages).mean() - (log_prob * batch.returns).mean() + entropy.mean()
        )
        each.policy.zero_grad()
        loss.backward()
        results.append((loss, values, log_prob, *[weight.grad for weight in each.policy.parameters()]))
    for mine, other in zip(*results, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def test_it_starts_from_the_librarys_weights_and_saves_as_the_library_does(tmp_path):
    ours, theirs = agent(RecurrentPolicy), agent("MlpLstmPolicy")
    for name, weight in theirs.policy.state_dict().items():
        assert torch.equal(ours.policy.state_dict()[name], weight), name
    ours.learn(64)
    ours.save(tmp_path / "agent")
    again = RecurrentPPO.load(tmp_path / "agent", env=ours.get_env(), device="cpu")
    assert isinstance(again.policy.lstm_actor, keepgate.Recurrent)
    observation = np.ones((4, 2), np.float32)
    assert np.array_equal(again.predict(observation)[1][0], ours.predict(observation)[1][0])


@pytest.mark.parametrize("cell", ["gru", "rnn_tanh", "mingru", "lstm"])
def test_any_cell_trains(cell):
    model = agent(RecurrentPolicy, cell=cell, forget_bias=1.0 if cell == "lstm" else None)
    before = [weight.clone() for weight in model.policy.lstm_actor.parameters()]
    model.learn(128)
    moved = [
        not torch.equal(*pair) for pair in zip(before, model.policy.lstm_actor.parameters(), strict=True)
    ]
    assert all(moved)


def test_how_far_back_a_policy_looks():
    model = agent(RecurrentPolicy, envs=8, lstm_hidden_size=16, init="chrono", horizon=8)
    model.lr_schedule, model.gae_lambda = (lambda _: 0.01), 1.0
    model.learn(8192)
    report = examine(model, 64, steps=6)
    assert report.horizon == 6, report
    assert "policy.lstm_actor" in str(report)
    assert look_back(model, 64, steps=6).steps == 6


def test_as_many_episodes_as_steps_are_not_taken_for_each_other():
    assert examine(agent(RecurrentPolicy, env=lambda: Recall(delay=20)), 20, steps=20).steps == 20


def test_an_agent_with_the_librarys_own_policy_is_examined_too():
    report = examine(agent("MlpLstmPolicy"), 8, steps=6)
    assert report.steps == 6
    assert report.name == "policy.lstm_actor"


@pytest.mark.parametrize("stacked", [False, True])
def test_a_normalised_environment_is_left_as_it_was(stacked):
    env = VecNormalize(make_vec_env(Recall, 2, seed=0))
    model = RecurrentPPO(
        RecurrentPolicy,
        VecFrameStack(env, 2) if stacked else env,
        n_steps=16,
        device="cpu",
        policy_kwargs={"lstm_hidden_size": 8},
    )
    mean = env.obs_rms.mean.copy()
    examine(model, 4, steps=6)
    assert env.training
    assert np.array_equal(env.obs_rms.mean, mean)


def test_wrong_use_is_refused():
    with pytest.raises(SettingsError, match="slstm has the states h, c, n, m, and sb3-contrib keeps two"):
        agent(RecurrentPolicy, cell="slstm")
    with pytest.raises(SettingsError, match="0 have 7 steps or more, and 2 are asked for; give fewer steps"):
        examine(agent(RecurrentPolicy), 2, steps=7)
    with pytest.raises(SettingsError, match="give 8 episodes or more"):
        look_back(agent(RecurrentPolicy), 4, steps=6)
    with pytest.raises(SettingsError, match=r"data is \[\], steps 64; give how many episodes"):
        examine(agent(RecurrentPolicy), [])
    with pytest.raises(SettingsError, match="steps is for an agent"):
        examine(keepgate.LSTM(2, 3), [], steps=4)
    without = agent(RecurrentPolicy)
    without.env = None
    with pytest.raises(SettingsError, match="no environment to play in; give it one"):
        examine(without, 2)
