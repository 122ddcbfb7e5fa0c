"""A view over any Hugging Face causal LM: edited weights, hidden states between blocks, answers.

Weights are always seen as [d_out, d_in] = [d, m]; GPT-2's transposed layout is undone here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bench.ground.errors import BenchError
from bench.model.answers import NO_ANSWERS, Answer, Change, Ending, Generated
from bench.model.archs import arch_of
from bench.model.attention import PrefixCache
from bench.model.capping import capped
from bench.model.changes import changes
from bench.model.chat import ChatTokens
from bench.model.generating import Decoder
from bench.model.labels import LabelTokens, labels_of
from bench.model.loose import gather_mlp
from bench.model.passes import Network, Pass, cached_inputs, run_trunk
from bench.model.placement import device_of
from bench.model.said import Said
from bench.model.tokens import Tokens
from bench.model.weights import Weights


class EditableModel(Weights):
    """One causal LM, on one device or several, with its tokenizer, its edits and a way back.

    Args:
        hf: a causal LM of a known architecture, in eval mode.
        tokenizer: its fast tokenizer.
        fingerprint: hash of weights and tokenizer; computed from the weights in memory where empty.
        token_budget: most tokens (rows x length) in one forward; what the free memory allows where 0.
        chat: prompts stand in the chat template of the tokenizer.

    Attributes:
        network: what its passes run over.

    Raises:
        BenchError: unknown architecture, slow tokenizer, or one without a chat template that is asked for.
    """

    def __init__(
        self, hf: Any, tokenizer: Any, fingerprint: str = "", token_budget: int = 0, chat: bool = False
    ) -> None:
        arch = arch_of(type(hf).__name__)
        head = hf.get_submodule(arch.head) if arch.head else hf.get_output_embeddings()
        known = len(hf.get_input_embeddings().weight)
        self.head: nn.Module = capped(head, hf.config)
        if arch.head:
            tokens: Tokens = LabelTokens(tokenizer, known, labels_of(hf.config))
        else:
            tokens = (ChatTokens if chat else Tokens)(tokenizer, min(known, len(head.weight)))
        super().__init__(hf, tokens, fingerprint, token_budget)
        if arch.has_loose_mlp:
            for block in self.blocks:
                gather_mlp(block)
        self.norm: nn.Module = self.trunk.get_submodule(arch.norm)
        self.network = Network.of(self.trunk, self.blocks, arch.feed_forward)

    # ------------------------------------------------------------------ shape

    def projection(self, layer: int) -> nn.Module:
        """The output projection of a block's MLP."""
        self.check_layers([layer])
        module: nn.Module = self.blocks[layer].get_submodule(self.arch.projection)
        return module

    def post_norm(self, layer: int) -> nn.Module | None:
        """The norm between a block's MLP and the residual stream, if there is one; see `bench.model.carrying`."""
        path = self.arch.post_norm
        return self.blocks[layer].get_submodule(path) if path else None

    def parameter_names(self, layer: int) -> list[str]:
        """Names of the projection's parameters at `layer`, the weight first, then a bias if there is one."""
        arch = self.arch
        place = f"{arch.trunk}.{arch.blocks}.{layer}.{arch.projection}"
        names = [f"{place}.{name}" for name, _ in self.projection(layer).named_parameters()]
        return sorted(names, key=lambda name: not name.endswith("weight"))

    def device_of(self, layer: int) -> torch.device:
        """Where the projection at `layer` computes, and so where its updates are best made."""
        return device_of(self.projection(layer))

    # ---------------------------------------------------------------- weights
    def weight(self, layer: int) -> Tensor:
        """The projection's weight [d, m] at `layer`, fp32; a view, not to be written to."""
        weight = self.master(self.parameter_names(layer)[0])
        return weight.T if self.arch.transposed else weight

    def set_weight(self, layer: int, value: Tensor) -> None:
        """Replace the projection's weight by `value` [d, m]."""
        self.assign(self.parameter_names(layer)[0], value.T if self.arch.transposed else value)

    def add(self, layer: int, delta: Tensor) -> None:
        """Add `delta` [d, m] to the projection's weight."""
        weight = self.weight(layer)
        self.set_weight(layer, weight + delta.to(weight))

    def original(self, layer: int) -> Tensor:
        """The projection's weight [d, m] before any edit, fp32."""
        original = self.original_of(self.parameter_names(layer)[0]).float()
        return original.T if self.arch.transposed else original

    # ---------------------------------------------------------------- forward
    def begin(self, rows: Sequence[Sequence[int]]) -> Pass:
        """A forward pass over rows of ids, standing before block 0; see `bench.model.passes`."""
        self.check_lengths(rows)
        batch = self.tokens.batch(rows, self.device)
        return Pass.over(self.network, batch)

    def begin_at(self, rows: Sequence[Sequence[int]], starts: Sequence[int]) -> Pass:
        """A pass over the end of each row: its column 0 holds the token at `starts` of every row.

        What stands left of it is run once, here, with the weights as they are.
        """
        self.check_lengths(rows)
        start = max(starts)
        shifted = [[self.tokens.pad_id] * (start - s) + list(row) for row, s in zip(rows, starts, strict=True)]
        batch = self.tokens.batch(shifted, self.device)
        for i, s in enumerate(starts):
            batch.mask[i, : start - s] = 0
        return Pass.over_ends(self.network, batch, start)

    def begin_keeping(self, row: Sequence[int], kept: PrefixCache) -> Pass:
        """A pass over one row, of which every block that is run puts its keys and values into `kept`."""
        self.check_lengths([row])
        batch = self.tokens.batch([row], self.device)
        return Pass(self.network, cached_inputs(self.trunk, batch.ids, batch.mask, kept))

    def begin_after(self, rows: Sequence[Sequence[int]], kept: PrefixCache) -> Pass:
        """A pass over what stands in rows after the tokens that `begin_keeping` was given, with which all begin.

        Only blocks can be run that have kept their keys and values.
        """
        self.check_lengths(rows)
        batch = self.tokens.batch(rows, self.device)
        kept.frozen = True
        return Pass(self.network, cached_inputs(self.trunk, batch.ids[:, kept.get_seq_length() :], batch.mask, kept))

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits [k, V] of hidden states [k, d] as they leave the last block."""
        out: Tensor = self.head(self.norm(hidden))
        return out.float()

    def answers(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Answer]:
        """What the model says at each target position, given the true ids before it.

        One row per distinct (prompt, target) pair, in batches of similar length; logits at target positions only.
        """
        pairs = list(dict.fromkeys(zip(prompts, targets, strict=True)))
        prompt_ids = self.tokens.prompts([prompt for prompt, _ in pairs])
        target_ids = self.tokens.targets([target for _, target in pairs])
        found = dict(zip(pairs, self.answered(prompt_ids, target_ids), strict=True))
        return [found[pair] for pair in zip(prompts, targets, strict=True)]

    def changes(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Change | None]:
        """How edits changed what is said at each target position, given the true ids before it; see `Change`."""
        return changes(self, self.tokens.prompts(prompts), self.tokens.targets(targets))

    def following(self, prompts: Sequence[str]) -> list[int]:
        """Id of the likeliest token after each prompt; -1 where the model has diverged."""
        ids = self.tokens.prompts(prompts)
        # the first prediction does not depend on the target
        return [answer.predicted_ids[0] for answer in self.answered(ids, [[self.tokens.pad_id]] * len(ids))]

    def generate(self, prompts: Sequence[str], endings: Sequence[Ending], most: int) -> list[Generated]:
        """What the model says after each prompt, the likeliest tokens one after another.

        One row per distinct (prompt, ending) pair, in batches of similar length.

        Args:
            prompts: texts.
            endings: where the answer to each ends.
            most: tokens of an answer at most; no more than the model can read after the prompt.

        Raises:
            BenchError: the model is a classifier, or a prompt has no tokens or is too long.
        """
        asked = list(dict.fromkeys(zip(prompts, endings, strict=True)))
        rows = self.tokens.prompts([prompt for prompt, _ in asked])
        found = dict(zip(asked, self.continued(rows, [ending for _, ending in asked], [most] * len(rows)), strict=True))
        return [found[pair] for pair in zip(prompts, endings, strict=True)]

    def continued(
        self, rows: Sequence[Sequence[int]], endings: Sequence[Ending], most: Sequence[int]
    ) -> list[Generated]:
        """As `generate`, after rows of ids, all of which are asked, each with its own number of tokens.

        Raises:
            BenchError: the model is a classifier, or a row is empty or too long.
        """
        if self.arch.head:
            raise BenchError(NO_ANSWERS)
        self.check_rows(rows)
        # the last token is only predicted
        limits = [min(each, self.context_length - len(row) + 1) for row, each in zip(rows, most, strict=True)]
        decoder = Decoder.of(self.hf, self.trunk, self.head, self.tokens, self.device)

        def say(group: list[int]) -> list[Generated]:
            return decoder.generate([rows[i] for i in group], [endings[i] for i in group], [limits[i] for i in group])

        found: dict[int, Generated] = {}
        sizes = [decoder.size(row, limit) for row, limit in zip(rows, limits, strict=True)]
        for group, answers in self.budget.batches(sizes, say):
            found.update(zip(group, answers, strict=True))
        return [found[i] for i in range(len(rows))]

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text as the model reads it."""
        return self.tokens.prompts(texts)

    def said(self, prompts: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Said:
        """Logits wherever a target's token is expected after its prompt's and the true ones before it.

        With gradients where they are asked for.
        """
        rows = [[*prompt, *target[:-1]] for prompt, target in zip(prompts, targets, strict=True)]
        self.check_lengths(rows)
        # [B, T, d], already normed by the trunk; the q positions of all rows are picked at once
        hidden = run_trunk(self.trunk, self.tokens.batch(rows, self.device))
        where = [(b, len(prompts[b]) - 1 + k) for b, target in enumerate(targets) for k in range(len(target))]
        row, column = (torch.tensor(x, device=hidden.device) for x in zip(*where, strict=True))
        return Said.of(self.head(hidden[row, column]).float(), targets)

    @torch.no_grad()
    def answered(self, prompts: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> list[Answer]:
        """As `answers`, of rows of ids, all of which are asked.

        Raises:
            BenchError: a prompt is empty or too long.
        """
        self.check_rows(prompts)
        lengths = [len(prompt) + len(target) - 1 for prompt, target in zip(prompts, targets, strict=True)]

        def answer(group: list[int]) -> list[Answer]:
            return self.said([prompts[i] for i in group], [targets[i] for i in group]).answers()

        found: dict[int, Answer] = {}
        for group, answers in self.budget.batches(lengths, answer):
            found.update(zip(group, answers, strict=True))
        return [found[i] for i in range(len(lengths))]

    def check_rows(self, rows: Sequence[Sequence[int]]) -> None:
        """Refuse prompts that cannot be asked.

        Raises:
            BenchError: one has no tokens, or is too long.
        """
        if any(not ids for ids in rows):
            raise BenchError("a prompt has no tokens", field="prompt")
        self.check_lengths(rows)
