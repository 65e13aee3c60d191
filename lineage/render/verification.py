"""What a verification found, as text."""

from __future__ import annotations

from ondevice_rec.lineage.verify import Verification


def render(found: Verification) -> str:
    """A line for each finding, then what was compared and what could not be."""
    lines = [
        f"{finding.problem}: {finding.path} ({finding.type} {finding.artifact})"
        for finding in found.findings
    ]
    lines.append(
        f"{found.intact} artifacts are as they were written; {found.versions} pushed "
        f"versions compared; {len(found.findings)} findings."
    )
    if found.removed:
        lines.append(f"Removed, another version being served: {len(found.removed)}.")
    if found.not_covered:
        counts = ", ".join(f"{n} {kind}" for kind, n in found.not_covered.items())
        lines.append(
            f"Not covered (no digest recorded, or not in a local folder): {counts}."
        )
    return "\n".join(lines)
