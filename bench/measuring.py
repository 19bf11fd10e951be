"""Runs the variants of one part in turn, on one server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bench.parts import Part
from bench.results import Measured, ServerTold, VariantTold
from bench.server import BenchServer
from bench.trial import Row, Run, run
from bench.variants import Variant
from bench.variants.clients import client_version


def measure(
    part: Part, server: BenchServer, asked: Sequence[str], repeat: int, data_dir: Path, say: Callable[[str], None]
) -> Measured:
    """Run the variants asked for (none: the usual ones), each repetition in another order, after a warm-up.

    Raises:
        RuntimeError: A variant failed, or they don't agree about what is in the table.
    """
    chosen = tuple(variant for variant in part.variants if variant.name in (asked or part.usual))
    missing = {variant.name: variant.missing(server) for variant in chosen}
    for name, why in missing.items():
        if why:
            say(f"{server.name} {part.name}: without {name}: {why}")
    variants = tuple(variant for variant in chosen if not missing[variant.name])
    size_bytes, files = part.size(data_dir)
    runs: list[Run] = []
    with part.opened(server, data_dir, variants) as arena:
        for repetition in range(repeat + 1):
            done: list[tuple[Variant, Run, Row]] = []
            for variant in _turned(variants, repetition):
                with arena.ground(variant, repetition) as ground:
                    done.append((variant, *run(variant, ground, repetition, part.look)))
                place = f"{server.name} {part.name} {part.rows:,} rows {repetition}/{repeat}"
                say(f"{place} {variant.name}: {done[-1][1].wall_s:.2f} s{'' if repetition else ', warm-up'}")
            compared = _compared(part, done)
            runs += compared if repetition else []
    return Measured(
        server=told(server),
        workload=part.name,
        shown=part.shown,
        rows=part.rows,
        size_bytes=size_bytes,
        files=files,
        base=part.base,
        variants=tuple(_told(variant, missing[variant.name]) for variant in chosen),
        runs=tuple(runs),
    )


def _compared(part: Part, done: Sequence[tuple[Variant, Run, Row]]) -> list[Run]:
    """Return the runs of a repetition, with a mark where a table of a tool's own has other values.

    Raises:
        RuntimeError: The tables that are declared differ.
    """
    declared = {content for variant, _, content in done if not variant.own_table}
    if len(declared) > 1:
        told = {variant.name: content for variant, _, content in done}
        raise RuntimeError(f"{part.name}: the variants disagree about what is in the table: {told}")
    return [replace(one, changed=bool(declared) and content not in declared) for _, one, content in done]


def told(server: BenchServer) -> ServerTold:
    """Return what the document says of a server."""
    kind = "MySQL" if server.is_mysql else "MariaDB"
    return ServerTold(
        kind=kind,
        version=server.version,
        program=str(server.program),
        client=client_version(server),
        settings=server.settings,
    )


def _told(variant: Variant, missing: str | None) -> VariantTold:
    return VariantTold(
        name=variant.name,
        what=variant.what,
        leaves_undone=variant.leaves_undone,
        builds_indexes=variant.builds_indexes,
        missing=missing,
    )


def _turned(variants: tuple[Variant, ...], repetition: int) -> tuple[Variant, ...]:
    turn = repetition % len(variants) if variants else 0
    return variants[turn:] + variants[:turn]
