"""What every part of gtzanet-edge shares: sound to picture, datasets and splits, and the artifact format."""

from __future__ import annotations

__version__ = "0.1.0"
