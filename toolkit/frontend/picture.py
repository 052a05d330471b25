"""Decibels to the picture the networks see: 432 x 288 pixels, magma colours, white margin, thin frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DatasetError
from toolkit.files import atomic_path
from toolkit.frontend.colormap import MAGMA
from toolkit.frontend.peak import power_and_peak
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.spectrogram import MelFrames, decibels

WIDTH, HEIGHT = 432, 288
MODES = ("RGB", "RGBA", "P", "L", "LA", "1")
"""Pillow's names of the kinds of pixels that become RGB without loss."""
_LEFT, _BOTTOM, _BOX_WIDTH, _BOX_HEIGHT = 54.0, 36.0, 334.8, 217.44
_COLUMNS = (54, 389)
_ROWS = (35, 252)
BOX = (slice(*_ROWS), slice(*_COLUMNS))
"""Rows and columns of the picture that show cells, those under its frame among them."""
INTERIOR = (slice(36, 252), slice(55, 389))
"""Rows and columns of the picture that lie inside its frame."""


def shown_cells(count: int, low: float, size: float, first: int, last: int) -> NDArray[np.intp]:
    """Return which of `count` cells each pixel from `first` to `last - 1` shows.

    Cell i starts at low + size * i / count, rounded to 1/256 pixel as the Agg renderer does; a later cell paints over
    an earlier one, so a pixel shows the last cell that starts before the pixel's end.
    """
    starts = np.floor(np.rint((low + size * np.arange(count) / count) * 256) / 256)
    return np.asarray(np.searchsorted(starts, np.arange(first, last), side="right") - 1)


def shown_frames(count: int) -> NDArray[np.intp]:
    """Return the frame that each of the box's 335 columns shows, of `count` frames."""
    return shown_cells(count, _LEFT, _BOX_WIDTH, *_COLUMNS)


def shown_bands(count: int) -> NDArray[np.intp]:
    """Return the band that each of the box's 217 rows shows, top row first, of `count` bands."""
    return shown_cells(count, _BOTTOM, _BOX_HEIGHT, HEIGHT - _ROWS[1], HEIGHT - _ROWS[0])[::-1]


def colour_index(db: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Return min(255, floor(256 (db - low) / (high - low))), or 0 everywhere where `low` equals `high`."""
    if not high > low:
        return np.zeros(db.shape, dtype=np.uint8)
    scaled = (db - np.float32(low)) / np.float32(high - low) * np.float32(256)
    return np.asarray(np.minimum(scaled, np.float32(255)), dtype=np.uint8)


def _blend(colours: NDArray[np.uint8], alpha: int) -> NDArray[np.uint8]:
    """Return opaque colours under black of coverage `alpha` / 255, in the Agg renderer's integer arithmetic."""
    whole = ((alpha + 255) << 8) - alpha * 255
    return (colours.astype(np.int64) * 255 * (256 - alpha) // whole).astype(np.uint8)


_SHADES = np.arange(256, dtype=np.uint8)
_SIDE = _blend(_SHADES, 204)
_CORNER = _blend(_blend(_SHADES, 184), 184)
"""What each value becomes under the frame's sides, and under its corners."""


def _paint(index: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return colour indices, shape (bands, 335), on the white canvas, with the frame over the box's edge."""
    box = np.take(MAGMA, index, axis=0)[shown_bands(len(index))]
    picture = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    top, bottom, left, right = _ROWS[0], _ROWS[1], _COLUMNS[0], _COLUMNS[1]
    picture[top:bottom, left:right] = box
    both_rows, both_columns = slice(top, bottom + 1, bottom - top), slice(left, right + 1, right - left)
    for rows, columns, darker in (
        (slice(top + 1, bottom), both_columns, _SIDE),
        (both_rows, slice(left + 1, right), _SIDE),
        (both_rows, both_columns, _CORNER),
    ):
        picture[rows, columns] = darker[picture[rows, columns]]
    return picture


def drawing() -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return the picture's layout as two tables, for front ends inside of models.

    `places`, int32 (288, 432): a pixel shows the colour of this number, plus its colour index where it lies in `BOX`.
    `colours`, uint8 (771, 3): magma, magma under the frame's sides, magma under its corners, and white likewise.
    """
    canvas = np.zeros((HEIGHT, WIDTH), dtype=np.int32)
    top, bottom, left, right = _ROWS[0], _ROWS[1], _COLUMNS[0], _COLUMNS[1]
    canvas[top : bottom + 1, left : right + 1] = 2
    canvas[top + 1 : bottom, left : right + 1] = canvas[top : bottom + 1, left + 1 : right] = 1
    canvas[top + 1 : bottom, left + 1 : right] = 0
    white = np.ones((HEIGHT, WIDTH), dtype=bool)
    white[top:bottom, left:right] = False
    shades = (_SHADES, _SIDE, _CORNER)
    colours = np.concatenate([*(shade[MAGMA] for shade in shades), [[shade[255]] * 3 for shade in shades]])
    return np.where(white, 3 * len(MAGMA) + canvas, len(MAGMA) * canvas).astype(np.int32), colours.astype(np.uint8)


def paint(db: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the picture, uint8 (288, 432, 3), RGB, top row first, of decibels float32 (bands, frames) as of `db_mel`.

    The colours span the minimum of `db` to its maximum; a constant `db` has the darkest.
    """
    return _paint(colour_index(db, float(db.min()), float(db.max()))[:, shown_frames(db.shape[1])])


def render_power(power: NDArray[np.float32], spec: FrontEnd = PICTURE) -> NDArray[np.uint8]:
    """Return the picture, uint8 (288, 432, 3), of frames' mel power, float32 (frames, n_mels), as `render` does."""
    return _paint(_indices_of_power(power, spec))


def cells_of_power(power: NDArray[np.float32], spec: FrontEnd = PICTURE) -> NDArray[np.uint8]:
    """Return the cells, uint8 (n_mels, 334, 1), of frames' mel power, float32 (frames, n_mels), as `cells` does."""
    return _inside_the_frame(_indices_of_power(power, spec))


def render(samples: NDArray[np.float32], spec: FrontEnd = PICTURE) -> NDArray[np.uint8]:
    """Return the picture, uint8 (288, 432, 3), of samples, bit for bit `paint(db_mel(samples, spec))`, but faster.

    Of the frames that the picture does not show, only those are computed that may hold the clip's maximum; and all,
    where the minimum may not be the floor. Parameters and errors are those of `mel_power`.
    """
    return _paint(_indices(samples, spec))


def cells(samples: NDArray[np.float32], spec: FrontEnd = PICTURE) -> NDArray[np.uint8]:
    """Return the colour indices in the picture that `render` returns, uint8 (n_mels, 334, 1), lowest band first."""
    return _inside_the_frame(_indices(samples, spec))


def cells_in(picture: NDArray[np.uint8], bands: int = PICTURE.n_mels) -> NDArray[np.uint8]:
    """Return the colour indices, uint8 (bands, 334, 1), that a picture, uint8 (288, 432, 3), shows.

    Raise `DatasetError` if a pixel's colour is none of magma's.
    """
    codes = MAGMA.astype(np.int64) @ (1 << 16, 1 << 8, 1)
    order = np.argsort(codes)
    box = picture[INTERIOR].astype(np.int64) @ (1 << 16, 1 << 8, 1)
    place = np.minimum(np.searchsorted(codes[order], box), len(codes) - 1)
    if not np.array_equal(codes[order][place], box):
        raise DatasetError("the picture has other colours than those of a spectrogram in magma")
    rows = shown_bands(bands)[INTERIOR[0].start - _ROWS[0] :]
    first = [int(np.flatnonzero(rows == band)[0]) for band in range(bands)]
    return order[place].astype(np.uint8)[first][:, :, np.newaxis]


def _inside_the_frame(indices: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(indices[:, INTERIOR[1].start - _COLUMNS[0] :])[:, :, np.newaxis]


def _indices_of_power(power: NDArray[np.float32], spec: FrontEnd) -> NDArray[np.uint8]:
    """Return the colour indices, (n_mels, 335), of all frames' mel power."""
    peak = np.float32(power.max())
    low = float(decibels(power.min(keepdims=True), spec, peak)[0, 0])
    db = decibels(power[shown_frames(len(power))], spec, peak)
    return colour_index(db, low, 0.0).T


def _indices(samples: NDArray[np.float32], spec: FrontEnd) -> NDArray[np.uint8]:
    """Return the colour indices, (n_mels, 335), of samples."""
    frames = MelFrames(samples, spec)
    columns = shown_frames(len(frames))
    numbers, where = np.unique(columns, return_inverse=True)
    power, peak = power_and_peak(frames, numbers)
    db = decibels(power, spec, peak)
    low = float(db.min())
    if low > -spec.top_db and len(numbers) < len(frames):
        low = float(decibels(frames.power(), spec, peak).min())
    return colour_index(db, low, 0.0).T[:, where]


def check_pillow() -> None:
    """Raise `DatasetError` unless Pillow, which reads and writes pictures, is installed."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise DatasetError("pictures are read and written with Pillow: run `pip install pillow`") from None


def read_png(path: str | Path) -> NDArray[np.uint8]:
    """Return a picture file's pixels, uint8, shape (288, 432, 3).

    Raise `DatasetError` if the file is missing, is no PNG picture, is not 432 x 288 pixels, has transparent pixels or
    16-bit grey, or Pillow is not installed.
    """
    check_pillow()
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.size != (WIDTH, HEIGHT):
                size = f"{image.size[0]} x {image.size[1]}"
                raise DatasetError(f"{path}: the picture is {size} pixels; it must be {WIDTH} x {HEIGHT}")
            if image.mode not in MODES:
                raise DatasetError(
                    f"{path}: the picture's pixels are of kind {image.mode}, not 8-bit colours: convert it to 8-bit RGB"
                )
            clear = image.mode in ("RGBA", "LA") or "transparency" in image.info
            if clear and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
                raise DatasetError(f"{path}: the picture has transparent pixels, which have no one colour: flatten it")
            return np.array(image.convert("RGB"), dtype=np.uint8)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise DatasetError(f"{path}: not a readable picture (it is no PNG file): save it as PNG") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path}: not a readable picture ({error})") from None


def save_png(picture: NDArray[np.uint8], path: str | Path) -> None:
    """Write a picture, uint8, shape (288, 432, 3), as PNG, whole or not at all.

    Raise `DatasetError` if it has another shape or type, or Pillow is not installed.
    """
    if picture.shape != (HEIGHT, WIDTH, 3) or picture.dtype != np.uint8:
        raise DatasetError(
            f"{path}: {picture.dtype} of shape {picture.shape} is no picture; one is uint8, ({HEIGHT}, {WIDTH}, 3)"
        )
    check_pillow()
    from PIL import Image

    with atomic_path(Path(path)) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")
