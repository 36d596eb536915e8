"""Every kind of image file becomes the same kind of array, or an error that names the file and the reason."""

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from detection.images import FORMATS, IMAGE_SUFFIXES, MAX_PIXELS, ImageError, as_image, decode_image, image_size
from detection.structures import RGBImage
from tests.contracts import assert_is_rgb_image

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = RANDOM.integers(0, 256, (6, 9), dtype=np.uint8)
DEEP = RANDOM.integers(0, 65536, (6, 9, 3), dtype=np.uint16)


def encoded(image: Image.Image | NDArray[np.generic], kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    pillow = image if isinstance(image, Image.Image) else Image.fromarray(image)
    pillow.save(file, kind, **options)
    return file.getvalue()


def deep_png(pixels: NDArray[np.uint16]) -> bytes:
    """OpenCV writes 16 bits a channel; it takes blue first."""
    return cv2.imencode(".png", pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1]))[1].tobytes()


def by_opencv(content: bytes) -> RGBImage:
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded[..., ::-1].astype(np.uint8)


def tiff(pixels: NDArray[np.generic], tags: dict[int, int], order: Literal["<", ">"] = "<") -> bytes:
    """An uncompressed TIFF of one strip, for the kinds that Pillow does not write."""
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    height, width = pixels.shape[:2]
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    bits = 8 * pixels.itemsize
    bits_offset = 8 + len(data)
    entries = {256: (3, 1, width), 257: (3, 1, height), 259: (3, 1, 1), 262: (3, 1, 2 if samples == 3 else 1)}
    entries |= {258: (3, samples, bits if samples == 1 else bits_offset), 273: (4, 1, 8), 277: (3, 1, samples)}
    entries |= {278: (3, 1, height), 279: (4, 1, len(data))} | {tag: (3, 1, value) for tag, value in tags.items()}
    directory = struct.pack(f"{order}H", len(entries))
    for tag, (kind, count, value) in sorted(entries.items()):
        inline = struct.pack(f"{order}HH", value, 0) if kind == 3 and count == 1 else struct.pack(f"{order}I", value)
        directory += struct.pack(f"{order}HHI", tag, kind, count) + inline
    extra = struct.pack(f"{order}3H", bits, bits, bits)
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(f"{order}I", bits_offset + len(extra)) + data + extra + directory + bytes(4)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_colour_comes_back(kind: str) -> None:
    assert np.array_equal(decode_image(encoded(PICTURE, kind)), PICTURE)


def test_lossless_webp_comes_back() -> None:
    assert np.array_equal(decode_image(encoded(PICTURE, "WEBP", lossless=True)), PICTURE)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 30}], ids=str)
def test_jpeg_is_decoded_as_opencv_does(options: dict[str, object]) -> None:
    photo = cv2.resize(PICTURE, (121, 87), interpolation=cv2.INTER_CUBIC)
    content = encoded(photo, "JPEG", **options)
    assert np.array_equal(decode_image(content), by_opencv(content))


def test_real_photos_are_decoded_as_opencv_does(shared: Path) -> None:
    files = [
        *sorted((shared / "data/voc2007_5class/VOCdevkit/VOC2007/JPEGImages").glob("*.jpg"))[::75],
        *sorted((shared / "data/imagenet_val100/JPEGImages").glob("*.JPEG"))[::5],
    ]
    assert len(files) == 40
    for file in files:
        assert np.array_equal(decode_image(file), by_opencv(file.read_bytes())), file


def test_the_example_photos_are_read() -> None:
    files = sorted((Path(__file__).parents[2] / "examples").glob("*.jpg"))
    assert len(files) >= 4
    for file in files:
        assert_is_rgb_image(decode_image(file))
        assert file.stat().st_size <= 200_000


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "as_stored"),
    [  # how an upright image is stored under each EXIF orientation
        (1, lambda upright: upright),
        (2, lambda upright: upright[:, ::-1]),
        (3, lambda upright: upright[::-1, ::-1]),
        (4, lambda upright: upright[::-1]),
        (5, lambda upright: upright.transpose(1, 0, 2)),
        (6, np.rot90),
        (7, lambda upright: upright[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda upright: np.rot90(upright, -1)),
    ],
)
def test_exif_orientation(kind: str, orientation: int, as_stored: Callable[[RGBImage], RGBImage]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = np.kron(PICTURE, np.ones((16, 16, 1), np.uint8))  # blocks that JPEG keeps
    lossless: dict[str, dict[str, object]] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}
    content = encoded(np.ascontiguousarray(as_stored(upright)), kind, exif=exif, **lossless.get(kind, {}))
    decoded = decode_image(content)
    assert_is_rgb_image(decoded)
    assert np.abs(decoded.astype(int) - upright).max() <= (4 if kind == "JPEG" else 0)
    assert image_size(content) == (upright.shape[1], upright.shape[0])


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_unknown_orientation_is_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(decode_image(encoded(PICTURE, "PNG", exif=exif)), PICTURE)


@pytest.mark.filterwarnings("ignore:.*EXIF:UserWarning")
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0rubbish", b"Exif\0\0MM\0*\0\0\0\x08\0\xff"]
)
def test_damaged_exif_is_upright(exif: bytes) -> None:
    content = encoded(PICTURE, "JPEG")
    block = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    assert np.array_equal(decode_image(content[:2] + block + content[2:]), decode_image(content))


def test_grey_gets_three_equal_channels() -> None:
    for kind in ("PNG", "BMP", "TIFF"):
        assert np.array_equal(decode_image(encoded(GREY, kind)), np.repeat(GREY[..., None], 3, axis=2))
    decoded = decode_image(encoded(GREY, "JPEG"))
    assert np.array_equal(decoded, np.repeat(decoded[..., :1], 3, axis=2))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_one_bit_is_black_and_white(kind: str) -> None:
    expected = np.repeat(np.where(GREY > 127, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    assert np.array_equal(decode_image(encoded(Image.fromarray(GREY > 127), kind)), expected)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_a_palette_is_looked_up(kind: str) -> None:
    palette = Image.fromarray((GREY // 32).astype(np.uint8)).convert("L")
    palette = Image.frombytes("P", palette.size, palette.tobytes())
    palette.putpalette(PICTURE.reshape(-1, 3)[:8].tobytes())
    assert np.array_equal(decode_image(encoded(palette, kind)), PICTURE.reshape(-1, 3)[GREY // 32])


def over_white(colours: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.float64]:
    weight = alpha[..., None] / 255
    return colours * weight + 255 * (1 - weight)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparent_pixels_are_laid_over_white(kind: str) -> None:
    options: dict[str, object] = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    content = encoded(np.dstack([PICTURE, GREY]), kind, **options)
    assert np.abs(decode_image(content) - over_white(PICTURE, GREY)).max() <= 1


def test_an_opaque_alpha_channel_changes_nothing() -> None:
    assert np.array_equal(decode_image(encoded(np.dstack([PICTURE, np.full_like(GREY, 255)]), "PNG")), PICTURE)


def test_what_is_hidden_does_not_show() -> None:
    hidden = encoded(np.dstack([PICTURE, np.zeros_like(GREY)]), "PNG")
    assert (decode_image(hidden) == 255).all()


def test_grey_with_alpha() -> None:
    both = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(GREY[::-1].copy())])
    expected = over_white(np.repeat(GREY[..., None], 3, axis=2), GREY[::-1])
    assert np.abs(decode_image(encoded(both, "PNG")) - expected).max() <= 1


def test_a_transparent_colour_of_a_palette() -> None:
    palette = Image.frombytes("P", (2, 1), bytes([0, 1]))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    assert decode_image(encoded(palette, "PNG", transparency=0)).tolist() == [[[255, 255, 255], [40, 50, 60]]]
    assert decode_image(encoded(palette, "GIF", transparency=1)).tolist() == [[[10, 20, 30], [255, 255, 255]]]
    half = decode_image(encoded(palette, "PNG", transparency=bytes([128, 255])))
    assert np.abs(half[0, 0] - over_white(np.array([10, 20, 30]), np.array(128))).max() <= 1


def test_a_transparent_colour_of_true_colour() -> None:
    colour = tuple(PICTURE[2, 3].tolist())
    decoded = decode_image(encoded(PICTURE, "PNG", transparency=colour))
    expected = np.where(np.all(PICTURE[2, 3] == PICTURE, axis=2, keepdims=True), 255, PICTURE)
    assert np.array_equal(decoded, expected)


@pytest.mark.parametrize(
    "content",
    [
        deep_png(DEEP),
        cv2.imencode(".tiff", DEEP[..., ::-1].copy())[1].tobytes(),
        tiff(DEEP, {}),
        tiff(DEEP, {}, ">"),
    ],
    ids=["PNG", "TIFF by OpenCV", "TIFF", "TIFF of the other byte order"],
)
def test_of_16_bits_the_upper_8_are_kept(content: bytes) -> None:
    assert np.array_equal(decode_image(content), DEEP >> 8)


@pytest.mark.parametrize(
    ("content", "inverted"),
    [
        (deep_png(DEEP[..., 0]), False),
        (tiff(DEEP[..., 0], {}), False),
        (tiff(DEEP[..., 0], {}, ">"), False),
        (tiff(DEEP[..., 0], {262: 0}), True),
        (encoded(Image.fromarray(DEEP[..., 0]), "TIFF", compression="tiff_lzw"), False),
    ],
    ids=["PNG", "TIFF", "other byte order", "white is zero", "compressed"],
)
def test_16_bit_grey(content: bytes, inverted: bool) -> None:
    grey = DEEP[..., 0] >> 8
    grey = 255 - grey if inverted else grey
    assert np.array_equal(decode_image(content), np.repeat(grey[..., None], 3, axis=2))


def test_white_is_zero_with_8_bits() -> None:
    assert np.array_equal(decode_image(tiff(GREY, {262: 0}))[..., 0], 255 - GREY)


def test_cmyk() -> None:
    colours = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    assert np.abs(decode_image(encoded(colours, "JPEG")).astype(int) - [0, 255, 255]).max() <= 2
    assert np.array_equal(decode_image(encoded(colours, "TIFF"))[0, 0], [0, 255, 255])


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert (np.abs(decode_image(content).astype(int) - [255, 0, 0]) <= 2).all(), kind


def test_a_path_and_its_content_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(encoded(PICTURE, "JPEG"))
    assert np.array_equal(decode_image(file), decode_image(file.read_bytes()))
    assert image_size(file) == (9, 6)
    assert_is_rgb_image(decode_image(file))


def test_of_a_camera_s_several_pictures_the_first_is_read() -> None:
    with io.BytesIO() as file:
        Image.fromarray(PICTURE).save(file, "MPO", save_all=True, append_images=[Image.fromarray(255 - PICTURE)])
        assert np.array_equal(decode_image(file.getvalue()), decode_image(encoded(PICTURE, "JPEG", quality=75)))


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes with names there")
def test_a_pipe_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    for read in (decode_image, image_size):
        with pytest.raises(ImageError, match=r"a\.jpg: not a regular file, but a pipe, a socket or a device"):
            read(tmp_path / "a.jpg")


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_a_large_image_is_the_same_in_parts(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(np.array(Image.fromarray(PICTURE).convert(mode)), "PNG")
    whole = decode_image(content)
    for band in (1, 10, 25):
        monkeypatch.setattr("detection.images.BAND", band)
        assert_is_rgb_image(decode_image(content))
        assert np.array_equal(decode_image(content), whole)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_image_is_in_memory_twice_at_most(tmp_path: Path) -> None:
    """As Pillow's image, which has four bytes a pixel, and as the array."""
    Image.new("RGB", (6000, 6000), "teal").save(tmp_path / "a.jpg")
    program = f"""
from pathlib import Path
from detection.images import decode_image
def most():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
before = most()
decode_image({str(tmp_path / "a.jpg")!r})
print((most() - before) / (6000 * 6000))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 9  # bytes a pixel


def test_the_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(encoded(PICTURE, "PNG"))
    assert np.array_equal(decode_image(file), PICTURE)


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_every_suffix_is_of_a_format_that_is_read(suffix: str) -> None:
    assert suffix == suffix.lower()
    assert Image.registered_extensions()[suffix] in (*FORMATS, "MPO")  # a JPEG with more pictures behind the first


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"empty file \(0 bytes\)"),
        (b"<html>404</html>", "not an image, or not one of JPEG, PNG"),
        (bytes(1000), "not an image"),
        (encoded(PICTURE, "PNG")[:60], "damaged PNG image"),
        (encoded(PICTURE, "JPEG")[:-40], "damaged JPEG image: .*truncated"),
        (encoded(PICTURE, "WEBP")[:-10], "damaged"),
        (encoded(PICTURE, "BMP")[:-10], "damaged BMP image"),
        (encoded(PICTURE, "TIFF")[:100], "damaged|not an image"),
        (encoded(PICTURE, "PPM"), "not an image, or not one of"),
        (tiff(GREY.astype(np.float32), {339: 3}), "TIFF with 32-bit or signed pixels, .* save it with 8 bits"),
        (tiff(GREY.astype(np.int16), {339: 2}), "TIFF with 32-bit or signed pixels"),
        (tiff(DEEP, {284: 2}), "TIFF with 16-bit colours in separate planes"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_what_cannot_be_read_is_named(content: bytes, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(content)
    with pytest.raises(ImageError, match=reason) as caught:
        decode_image(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)
    with pytest.raises(ImageError, match=f"^image of {len(content)} bytes: "):
        decode_image(content)


def test_no_file_and_no_permission_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no image file .*absent\.jpg$"):
        decode_image(tmp_path / "absent.jpg")
    with pytest.raises(FileNotFoundError, match=r"absent\.jpg"):
        image_size(tmp_path / "absent.jpg")
    (tmp_path / "dead.jpg").symlink_to("absent.jpg")
    with pytest.raises(
        FileNotFoundError, match=r"no image file .*dead\.jpg: a link to absent\.jpg, which is not there$"
    ):
        decode_image(tmp_path / "dead.jpg")
    with pytest.raises(ImageError, match="cannot be read: "):
        decode_image(tmp_path)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused() -> None:
    with pytest.raises(ImageError, match=f"more than {MAX_PIXELS:,} pixels; make the image smaller"):
        decode_image(bomb(13378, 13378))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_largest_image_is_not_taken_for_a_bomb() -> None:
    assert image_size(bomb(13377, 13377)) == (13377, 13377)


JPEG = encoded(cv2.resize(PICTURE, (60, 40)), "JPEG", quality=90)
WHOLE = decode_image(JPEG)


@given(st.integers(0, len(JPEG) - 1))
def test_a_truncated_jpeg_is_whole_or_refused(length: int) -> None:
    """Never a picture with a grey end."""
    try:
        decoded = decode_image(JPEG[:length])
    except ImageError:
        return
    assert np.array_equal(decoded, WHOLE)


def test_an_image_may_come_as_array_as_pillow_s_as_path_and_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(PICTURE, "PNG"))
    assert as_image(PICTURE) is PICTURE
    for source in (Image.fromarray(PICTURE), path, str(path), path.read_bytes()):
        assert np.array_equal(as_image(source), PICTURE)
    assert_is_rgb_image(as_image(Image.fromarray(GREY)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_pillow_s_image_of_a_file_is_the_file_s_image(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(PICTURE, kind, exif=exif)
    upright = decode_image(content)
    assert upright.shape == (9, 6, 3)
    assert np.array_equal(as_image(Image.open(io.BytesIO(content))), upright)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_pillow_s_image_with_colours_multiplied_by_their_opacity(mode: str) -> None:
    image = Image.fromarray(PICTURE).convert(mode)
    image.putalpha(255)
    assert np.array_equal(as_image(image.convert(mode[:-1] + "a")), as_image(image))


def test_pillow_s_image_of_32_bits_is_refused() -> None:
    with pytest.raises(ImageError, match=r"image of Pillow: .*32-bit"):
        as_image(Image.fromarray(GREY.astype(np.int32)))


@pytest.mark.parametrize(
    ("array", "remedy"),
    [
        (GREY, "np.stack([image] * 3, axis=-1)"),
        (PICTURE / 255, "(image * 255).astype(np.uint8)"),
        (PICTURE.transpose(2, 0, 1), "image.transpose(1, 2, 0)"),
        (np.dstack([PICTURE, GREY]), "image[..., :3]"),
        (PICTURE[None], "(1, "),
        (PICTURE.astype(np.int16), "of int16"),
    ],
)
def test_an_array_that_is_no_rgb_image_is_refused_with_what_would_make_it_one(
    array: NDArray[np.generic], remedy: str
) -> None:
    with pytest.raises(ValueError, match=r"expected an RGB image, \(H, W, 3\) of uint8, got \(") as refused:
        as_image(array)
    assert remedy in str(refused.value)
    if "image" in remedy:
        assert as_image(eval(remedy, {"np": np, "image": array})).shape == PICTURE.shape


@pytest.mark.parametrize("source", [None, [PICTURE], 7])
def test_what_cannot_be_an_image_is_told(source: object) -> None:
    with pytest.raises(TypeError, match=r"expected one image: a path, .* got "):
        as_image(source)  # type: ignore[arg-type]


DAMAGED = [encoded(PICTURE, kind) for kind in FORMATS]


@pytest.mark.filterwarnings("ignore")
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@given(st.sampled_from(DAMAGED), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_bytes_give_an_image_or_an_image_error(content: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(content)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        assert_is_rgb_image(decode_image(bytes(damaged)))
    except ImageError as error:
        reason = str(error)
    else:
        reason = ""
    assert "\n" not in reason
