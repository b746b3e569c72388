"""RecurrentPolicy: keepgate's layers as the memory of a policy of sb3-contrib's RecurrentPPO; its look-back."""

from typing import Any

import torch
from torch import Tensor, nn

from ..equations import Cell
from ..errors import PackageMissing, SettingsError
from ..lens.attribution import LookBack, explain_model
from ..lens.diagnosis.agent import STEPS, ActionModel, Agent, episodes_of
from ..nn import Recurrent

try:
    from gymnasium.spaces import Discrete
    from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
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
        initialisation = {"init": init, "horizon": horizon, "forget_bias": forget_bias}
        for name in ("lstm_actor", "lstm_critic"):
            theirs = getattr(self, name)
            if theirs is not None:
                setattr(self, name, _memory(cell, theirs, initialisation))
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
    layer = Recurrent(
        cell, theirs.input_size, theirs.hidden_size, theirs.num_layers, bias=theirs.bias, dropout=theirs.dropout,
        device=weight.device, dtype=weight.dtype, **drawn,
    )  # fmt: skip
    if len(layer.cell.states) > 2:
        raise SettingsError(
            f"{layer.cell.name} has the states {', '.join(layer.cell.states)}, and sb3-contrib keeps two; take a cell "
            "with one or two, such as lstm or gru"
        )
    if layer.cell.name == "lstm" and drawn["init"] == "torch" and drawn["forget_bias"] is None:
        layer.load_state_dict(theirs.state_dict())
    return layer


def look_back(agent: Agent, episodes: int = 32, *, steps: int = STEPS) -> LookBack:
    """How many of its last observations an agent's actions hang on, whether they become others by it or only less sure.

    At the last of the first `steps` steps of episodes that it plays: everything older is another episode's, and each
    action's probability, or mean, keeps all but a hundredth of its variance. That of the action which looks furthest.
    episodes: 8 at least. Raises SettingsError as `lens.examine` does, for fewer, and where all its actions are alike.
    """
    model = ActionModel(agent.policy)
    observed, _ = episodes_of(agent, episodes, steps)
    with torch.no_grad():
        actions = range(model(observed[:1]).shape[-1])
    labels = actions if isinstance(agent.policy.action_space, Discrete) else None
    reaches = [explain_model(model, observed, target=k, labels=labels, time=1).look_back for k in actions]
    measured = [reach for reach in reaches if reach is not None]
    if not measured:
        raise SettingsError(
            f"the actions in {episodes} episodes are all alike, or the episodes are too few to say what they hang on; "
            "give 8 episodes or more, or train the agent"
        )
    return max(measured, key=lambda reach: reach.steps)
