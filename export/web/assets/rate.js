// The sample rate that a file names in its header, so that the browser decodes without resampling.

const MP3_RATES = { 3: [44100, 48000, 32000], 2: [22050, 24000, 16000], 0: [11025, 12000, 8000] };
const HEAD = 1 << 20; // bytes in which a header is searched

/** Return the rate in hertz of WAV, FLAC, Ogg, MP4 or MP3 bytes (ArrayBuffer), undefined where none is readable. */
export function rateOf(buffer) {
  const bytes = new Uint8Array(buffer, 0, Math.min(buffer.byteLength, HEAD));
  const view = new DataView(buffer, 0, bytes.length);
  const text = (at, size) => String.fromCharCode(...bytes.subarray(at, at + size));
  const find = (name) => {
    const codes = [...name].map((letter) => letter.charCodeAt(0));
    for (let at = bytes.indexOf(codes[0]); at >= 0; at = bytes.indexOf(codes[0], at + 1)) {
      if (codes.every((code, place) => bytes[at + place] === code)) return at;
    }
    return -1;
  };
  const within = (at, read) => (at >= 0 && at + 4 <= bytes.length ? read(at) : undefined);
  const after = (name, offset, read) => (find(name) < 0 ? undefined : within(find(name) + offset, read));
  const little = (at) => view.getUint32(at, true);
  if (text(0, 4) === "RIFF") return after("fmt ", 12, little);
  if (text(0, 4) === "fLaC") return within(18, (at) => view.getUint32(at) >>> 12);
  if (text(0, 4) === "OggS") return find("OpusHead") > 0 ? 48000 : after("\x01vorbis", 12, little);
  if (text(4, 4) === "ftyp") return after("mp4a", 28, (at) => view.getUint16(at));
  return mp3Rate(bytes);
}

function mp3Rate(bytes) {
  let at = 0;
  if (bytes[0] === 0x49 && bytes[1] === 0x44 && bytes[2] === 0x33) {
    at = 10 + ((bytes[6] << 21) | (bytes[7] << 14) | (bytes[8] << 7) | bytes[9]); // an ID3 tag
  }
  if (at + 2 >= bytes.length || bytes[at] !== 0xff || (bytes[at + 1] & 0xe0) !== 0xe0) return undefined;
  return MP3_RATES[(bytes[at + 1] >> 3) & 3]?.[(bytes[at + 2] >> 2) & 3];
}
