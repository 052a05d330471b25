/* Classify a WAV file with a model file that has its front end inside.

       classify MODEL.tflite SOUND.wav

   The model file alone decides labels, sample rate and windows: ARTIFACT.md specifies it, and the windows, the mix of
   channels and the probabilities are those of `python -m runtime`. Exit code: 0, or 1 where a file is refused, or 2
   where the arguments are wrong. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "litert.h"

enum { MAX_DEPTH = 64, MAX_ENTRIES = 16, MAX_TEXT = 1 << 20, MAX_LABELS = 10000, MAX_CHANNELS = 64 };
#define MAX_SAMPLES 30000000.0
#define MAX_FILE (1L << 30)
#define SILENCE_DB -60.0

struct bytes {
    const char *name;
    const unsigned char *at;
    size_t size;
};

struct card {
    char **labels;
    size_t count;                     /* of labels */
    size_t model_size;                /* bytes of the model proper */
    double rate;                      /* hertz */
    size_t window, hop, slack, input; /* samples; input is what the network accepts */
    bool pads, tiles, multi_label;
    double temperature, min_confidence;
    double *thresholds; /* of a multi-label network, one for each label */
    LiteRtElementType output_type;
    double scale, zero_point;
};

struct network {
    LiteRtEnvironment environment;
    LiteRtOptions options;
    LiteRtModel model;
    LiteRtCompiledModel compiled;
    LiteRtTensorBuffer buffers[2];
    float *input;
    void *output;
};

static _Noreturn void fail(const char *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "classify: error: %s: ", name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void *allocate(const char *name, size_t count, size_t size) {
    void *memory = NULL;
    size_t bytes = count < SIZE_MAX / 2 / size ? (count * size + 127) / 64 * 64 : 0; /* LiteRT wants 64-byte lines */
    if (bytes == 0 || posix_memalign(&memory, 64, bytes) != 0) fail(name, "there is not enough memory for it");
    return memset(memory, 0, bytes);
}

static struct bytes read_file(const char *name) {
    struct stat status;
    FILE *stream = fopen(name, "rb");
    if (stream == NULL || fstat(fileno(stream), &status) != 0) fail(name, "cannot be opened");
    if (!S_ISREG(status.st_mode)) fail(name, "no regular file: name a file");
    if (status.st_size > MAX_FILE) fail(name, "larger than 1 GiB: cut it first");
    unsigned char *content = allocate(name, (size_t)status.st_size, 1);
    if (fread(content, 1, (size_t)status.st_size, stream) != (size_t)status.st_size) fail(name, "cannot be read");
    fclose(stream);
    return (struct bytes){name, content, (size_t)status.st_size};
}

/* Return a little-endian number of `width` bytes. */
static uint32_t little(const unsigned char *at, int width) {
    uint32_t value = 0;
    for (int place = width - 1; place >= 0; place--) value = value << 8 | at[place];
    return value;
}

/* ---- JSON: a text is checked whole, then its fields are looked up in place ---- */

static const char *blank(const char *at) { return at + strspn(at, " \t\r\n"); }

static const char *text_end(const char *at) {
    for (at++; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20) return NULL;
        if (*at == '\\' && *++at == '\0') return NULL;
    }
    return at + 1;
}

/* Return where the value at `at` ends, or NULL where it is malformed. */
static const char *value_end(const char *at, int depth) {
    if (*at == '"') return text_end(at);
    if (*at != '{' && *at != '[') {
        size_t length = strspn(at, "+-.0123456789Eaeflnrstu");
        return length > 0 ? at + length : NULL;
    }
    const char open = *at, close = open == '{' ? '}' : ']';
    if (depth == MAX_DEPTH) return NULL;
    at = blank(at + 1);
    if (*at == close) return at + 1;
    for (;; at = blank(at + 1)) {
        if (open == '{') {
            if (*at != '"' || (at = text_end(at)) == NULL || *(at = blank(at)) != ':') return NULL;
            at = blank(at + 1);
        }
        if ((at = value_end(at, depth + 1)) == NULL) return NULL;
        at = blank(at);
        if (*at == close) return at + 1;
        if (*at != ',') return NULL;
    }
}

/* Return the value of a field of a well-formed object, or NULL. */
static const char *field(const char *object, const char *name) {
    const size_t length = strlen(name);
    if (object == NULL || *object != '{') return NULL;
    for (const char *at = blank(object + 1); *at == '"'; at = blank(at + 1)) {
        const char *key = at + 1;
        at = blank(text_end(at));
        const char *value = blank(at + 1);
        if (strncmp(key, name, length) == 0 && key[length] == '"') return value;
        at = blank(value_end(value, 0));
        if (*at != ',') return NULL;
    }
    return NULL;
}

/* Return the item at a place of a well-formed list, or NULL. */
static const char *item(const char *list, size_t place) {
    if (list == NULL || *list != '[') return NULL;
    const char *at = blank(list + 1);
    for (; *at != ']' && place > 0; place--) {
        at = blank(value_end(at, 0));
        if (*at == ',') at = blank(at + 1);
    }
    return *at == ']' ? NULL : at;
}

static bool is_text(const char *value, const char *text) {
    const size_t length = strlen(text);
    return value != NULL && *value == '"' && strncmp(value + 1, text, length) == 0 && value[length + 1] == '"';
}

/* Return a number from `low` to `high`; refuse the file where the value is none. */
static double number(const char *name, const char *what, const char *value, double low, double high) {
    char *end = NULL;
    const double result = value == NULL ? NAN : strtod(value, &end);
    if (value == NULL || end == value || !(result >= low && result <= high))
        fail(name, "its card's %s is no number from %g to %g", what, low, high);
    return result;
}

/* ---- SHA-256 (FIPS 180-4) and the CRC of ZIP ---- */

static uint32_t rotated(uint32_t value, int count) { return value >> count | value << (32 - count); }

/* Return the first 32 bits of the fractional part of a prime's square or cube root: the standard's constants. */
static uint32_t root_bits(int prime, bool cube) {
    const long double root = cube ? cbrtl(prime) : sqrtl(prime);
    return (uint32_t)((root - floorl(root)) * 4294967296.0L);
}

static void sha256_block(uint32_t state[8], const uint32_t constants[64], const unsigned char *block) {
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] + (rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        const uint32_t first = s[7] + (rotated(s[4], 6) ^ rotated(s[4], 11) ^ rotated(s[4], 25)) +
                               ((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[i] + w[i];
        const uint32_t second = (rotated(s[0], 2) ^ rotated(s[0], 13) ^ rotated(s[0], 22)) +
                                ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += first;
        s[0] = first + second;
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

/* Write the digest of bytes in hexadecimal. */
static void sha256(const unsigned char *at, size_t size, char digest[65]) {
    uint32_t constants[64], state[8];
    for (int prime = 2, count = 0; count < 64; prime++) {
        bool composite = false;
        for (int divisor = 2; divisor * divisor <= prime; divisor++) composite = composite || prime % divisor == 0;
        if (composite) continue;
        if (count < 8) state[count] = root_bits(prime, false);
        constants[count++] = root_bits(prime, true);
    }
    unsigned char tail[128] = {0};
    const size_t rest = size % 64, tail_size = rest < 56 ? 64 : 128;
    for (size_t first = 0; first + 64 <= size; first += 64) sha256_block(state, constants, at + first);
    memcpy(tail, at + size - rest, rest);
    tail[rest] = 0x80;
    for (int i = 0; i < 8; i++) tail[tail_size - 1 - i] = (unsigned char)((uint64_t)size * 8 >> 8 * i);
    for (size_t first = 0; first < tail_size; first += 64) sha256_block(state, constants, tail + first);
    for (int i = 0; i < 8; i++) snprintf(digest + 8 * i, 9, "%08x", state[i]);
}

static uint32_t crc32_of(const char *at, size_t size) {
    uint32_t crc = 0xffffffff;
    for (size_t place = 0; place < size; place++) {
        crc ^= (unsigned char)at[place];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* ---- The ZIP archive after the model proper ---- */

/* Return a stored entry's text, which a NUL ends, and lower `start` to where its header is. */
static char *entry_text(const struct bytes *file, const unsigned char *entry, size_t *start) {
    const uint32_t crc = little(entry + 16, 4), size = little(entry + 24, 4), offset = little(entry + 42, 4);
    if (little(entry + 10, 2) != 0 || little(entry + 20, 4) != size || (entry[8] & 1) != 0)
        fail(file->name, "its archive is compressed, which this program does not read: export the model again");
    if (size > MAX_TEXT || offset > file->size || file->size - offset < 30 ||
        memcmp(file->at + offset, "PK\3\4", 4) != 0)
        fail(file->name, "its archive is malformed: export the model again");
    const size_t first = (size_t)offset + 30 + little(file->at + offset + 26, 2) + little(file->at + offset + 28, 2);
    if (first > file->size || file->size - first < size)
        fail(file->name, "its archive is malformed: export the model again");
    char *text = allocate(file->name, (size_t)size + 1, 1);
    memcpy(text, file->at + first, size);
    if (crc32_of(text, size) != crc || strlen(text) != size)
        fail(file->name, "damaged: its labels or its card were changed; copy or export it again");
    if (offset < *start) *start = offset;
    return text;
}

/* Find labels.txt and card.json, and return where the archive starts. */
static size_t read_archive(const struct bytes *file, char **labels, char **card) {
    static const char *const none = "carries no card: it was cut short, or not made by `python -m export`";
    if (file->size < 8 || memcmp(file->at + 4, "TFL3", 4) != 0)
        fail(file->name, "no TFLite model: name a .tflite file made by `python -m export --input waveform`");
    size_t end = file->size, start = file->size;
    for (size_t comment = 0; end == file->size && comment <= 0xffff && comment + 22 <= file->size; comment++) {
        const unsigned char *at = file->at + file->size - 22 - comment;
        if (memcmp(at, "PK\5\6", 4) == 0 && little(at + 20, 2) == comment) end = file->size - 22 - comment;
    }
    if (end == file->size) fail(file->name, none);
    const size_t entries = little(file->at + end + 10, 2);
    size_t at = little(file->at + end + 16, 4);
    *labels = *card = NULL;
    if (entries > MAX_ENTRIES) fail(file->name, "its archive has more than %d entries", MAX_ENTRIES);
    for (size_t place = 0; place < entries; place++) {
        if (at > end || end - at < 46 || memcmp(file->at + at, "PK\1\2", 4) != 0) fail(file->name, none);
        const unsigned char *entry = file->at + at;
        const size_t length = little(entry + 28, 2);
        at += 46 + length + little(entry + 30, 2) + little(entry + 32, 2);
        if (at > end) fail(file->name, none);
        char **text = length == 10 && memcmp(entry + 46, "labels.txt", 10) == 0 ? labels
                      : length == 9 && memcmp(entry + 46, "card.json", 9) == 0  ? card
                                                                                : NULL;
        if (text == NULL) {
            if (little(entry + 42, 4) < start) start = little(entry + 42, 4);
            continue;
        }
        if (*text != NULL) fail(file->name, "its archive has two entries of one name");
        *text = entry_text(file, entry, &start);
    }
    if (*labels == NULL || *card == NULL) fail(file->name, none);
    return start;
}

/* ---- The card ---- */

static void split_labels(const struct bytes *file, char *text, struct card *card) {
    card->labels = allocate(file->name, MAX_LABELS, sizeof *card->labels);
    for (char *end; *text != '\0'; text = end + 1) {
        if ((end = strchr(text, '\n')) == NULL || card->count == MAX_LABELS)
            fail(file->name, "its labels.txt is malformed: export the model again");
        *end = '\0';
        card->labels[card->count++] = text;
    }
}

static void read_windows(const struct bytes *file, const char *front_end, struct card *card) {
    const char *name = file->name;
    const bool is_grid = is_text(field(front_end, "layout"), "grid");
    const char *hop = field(front_end, "hop_seconds");
    card->rate = number(name, "sample_rate", field(front_end, "sample_rate"), 1000, 768000);
    const double window = number(name, "window_seconds", field(front_end, "window_seconds"), 0, 30000) * card->rate;
    const double hop_seconds = hop == NULL ? 0 : number(name, "hop_seconds", hop, 0, 30000);
    if (!(window >= 1 && window <= MAX_SAMPLES)) fail(name, "its card's window is empty or too long");
    card->window = (size_t)nearbyint(window);
    card->hop = hop_seconds > 0 ? (size_t)fmax(1, nearbyint(hop_seconds * card->rate)) : 0;
    card->slack = is_grid ? 0 : (size_t)fmin(card->rate, (double)(card->window / 2));
    card->pads = is_text(field(front_end, "short"), "pad");
    card->tiles = is_text(field(front_end, "short"), "tile");
}

static void read_tensors(const struct bytes *file, const char *text, struct card *card) {
    const char *name = file->name, *input = field(text, "input"), *output = field(text, "output"), *side;
    const char *shape = field(input, "shape"), *outputs = field(output, "shape"), *type = field(output, "dtype");
    double size = 1;
    for (size_t place = 0; (side = item(shape, place)) != NULL && place < 8; place++)
        size *= number(name, "input.shape", side, 1, MAX_SAMPLES);
    if (item(shape, 0) == NULL || size > MAX_SAMPLES) fail(name, "its card's input.shape is empty or too large");
    if (!is_text(field(input, "dtype"), "float32")) fail(name, "its input is no float32, as a waveform's must be");
    if ((size_t)number(name, "output.shape", item(outputs, 1), 2, MAX_LABELS) != card->count)
        fail(name, "its labels.txt and its card's output.shape name different numbers of labels");
    card->input = (size_t)size;
    card->output_type = is_text(type, "int8")    ? kLiteRtElementTypeInt8
                        : is_text(type, "uint8") ? kLiteRtElementTypeUInt8
                                                 : kLiteRtElementTypeFloat32;
    if (card->output_type == kLiteRtElementTypeFloat32 && !is_text(type, "float32"))
        fail(name, "its card's output.dtype is none of float32, int8 and uint8");
    if (card->output_type == kLiteRtElementTypeFloat32) return;
    card->scale = number(name, "output.scale", field(output, "scale"), 1e-30, 1e30);
    card->zero_point = number(name, "output.zero_point", field(output, "zero_point"), -128, 255);
}

static void check_digest(const struct bytes *file, const char *card, size_t model_size) {
    char digest[65];
    sha256(file->at, model_size, digest);
    if (!is_text(field(card, "model_digest"), digest))
        fail(file->name, "damaged: the model is not the one its card describes; copy or export it again");
}

static struct card read_card(const struct bytes *file) {
    char *labels, *text;
    struct card card = {0};
    const char *name = file->name, *end, *value;
    card.model_size = read_archive(file, &labels, &text);
    const char *object = blank(text);
    if (*object != '{' || (end = value_end(object, 0)) == NULL || *blank(end) != '\0')
        fail(name, "its card is not JSON: export the model again");
    if (number(name, "format_version", field(object, "format_version"), 0, 1e9) > 2)
        fail(name, "its card's format version is newer than 2, which this program knows");
    if (!is_text(field(object, "input_level"), "waveform"))
        fail(name, "it accepts no samples: export it with --input waveform, which puts the front end inside");
    value = field(object, "activation");
    if (is_text(value, "none")) fail(name, "its output is an embedding, no labels");
    card.multi_label = is_text(value, "sigmoid");
    split_labels(file, labels, &card);
    read_windows(file, field(object, "front_end"), &card);
    read_tensors(file, object, &card);
    card.temperature = number(name, "temperature", field(object, "temperature"), 0.5, 10);
    value = field(object, "min_confidence");
    card.min_confidence = value == NULL ? 0 : number(name, "min_confidence", value, 0, 1);
    card.thresholds = allocate(name, card.count, sizeof *card.thresholds);
    for (size_t label = 0; label < card.count && card.multi_label; label++)
        card.thresholds[label] = number(name, "thresholds", item(field(object, "thresholds"), label), 0, 1);
    check_digest(file, object, card.model_size);
    free(text);
    return card;
}

/* ---- Sound ---- */

struct pcm {
    const unsigned char *data;
    size_t frames;
    uint32_t rate, channels, bytes; /* of one sample */
    bool is_float;
};

static struct pcm read_format(const struct bytes *file, const unsigned char *at, size_t size) {
    if (size < 16) fail(file->name, "its format chunk is too short for a WAV file");
    uint32_t tag = little(at, 2), bits = little(at + 14, 2);
    if (tag == 0xfffe && size >= 26) tag = little(at + 24, 2); /* WAVE_FORMAT_EXTENSIBLE names it later */
    struct pcm pcm = {NULL, 0, little(at + 4, 4), little(at + 2, 2), bits / 8, tag == 3};
    const bool is_known = tag == 1 ? bits == 16 || bits == 24 || bits == 32 : tag == 3 && bits == 32;
    if (!is_known)
        fail(file->name, "%u bits of format %u: this program reads PCM of 16, 24 and 32 bits, and float", bits, tag);
    if (pcm.channels < 1 || pcm.channels > MAX_CHANNELS || little(at + 12, 2) != pcm.channels * pcm.bytes)
        fail(file->name, "%u channels in blocks of %u bytes: no sound", pcm.channels, little(at + 12, 2));
    return pcm;
}

static struct pcm read_wav(const struct bytes *file) {
    struct pcm pcm = {0};
    if (file->size < 12 || memcmp(file->at, "RIFF", 4) != 0 || memcmp(file->at + 8, "WAVE", 4) != 0)
        fail(file->name, "no WAV file: convert it with `ffmpeg -i SOUND -ac 1 sound.wav`");
    for (size_t at = 12; file->size - at >= 8;) {
        const unsigned char *chunk = file->at + at;
        const size_t left = file->size - at - 8;
        size_t size = little(chunk + 4, 4);
        const bool is_data = memcmp(chunk, "data", 4) == 0;
        if (is_data && size == 0xffffffff) size = left; /* written to a pipe, by a program that did not know */
        if (size > left) fail(file->name, "cut short: a chunk of %zu bytes has %zu", size, left);
        if (memcmp(chunk, "fmt ", 4) == 0) pcm = read_format(file, chunk + 8, size);
        if (is_data) {
            if (pcm.channels == 0) fail(file->name, "its sound comes before its format: no WAV file");
            pcm.data = chunk + 8;
            pcm.frames = size / (pcm.channels * pcm.bytes);
            break;
        }
        at += 8 + size + (size & 1 && size < left);
    }
    if (pcm.frames == 0) fail(file->name, "there are no samples in it");
    return pcm;
}

static float sample(const struct pcm *pcm, size_t frame, uint32_t channel) {
    const unsigned char *at = pcm->data + (frame * pcm->channels + channel) * pcm->bytes;
    const uint32_t bits = little(at, (int)pcm->bytes) << (32 - 8 * pcm->bytes);
    float value;
    if (!pcm->is_float) return (float)(bits < 0x80000000u ? (double)bits : (double)bits - 4294967296.0) / 2147483648.0f;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Return the power of one channel, or of the mean of all (-1), without its offset. */
static double power(const struct pcm *pcm, const float *mono, size_t first, size_t count, int channel) {
    double sum = 0, squares = 0;
    for (size_t at = 0; at < count; at++) sum += channel < 0 ? mono[at] : sample(pcm, first + at, (uint32_t)channel);
    for (size_t at = 0; at < count; at++) {
        const float level = channel < 0 ? mono[at] : sample(pcm, first + at, (uint32_t)channel);
        const double value = level - sum / (double)count;
        squares += value * value;
    }
    return squares / (double)count;
}

/* Put one channel in the place of the mean where that cancels: the first with half of the loudest one's power. */
static void mend_cancelled(const struct pcm *pcm, float *mono, size_t first, size_t count) {
    double powers[MAX_CHANNELS], loudest = 0;
    for (uint32_t channel = 0; channel < pcm->channels; channel++) {
        powers[channel] = power(pcm, NULL, first, count, (int)channel);
        loudest = fmax(loudest, powers[channel]);
    }
    if (!(power(pcm, mono, first, count, -1) < 1e-3 * loudest)) return;
    uint32_t chosen = 0;
    while (powers[chosen] < loudest / 2) chosen++;
    for (size_t frame = 0; frame < count; frame++) mono[frame] = sample(pcm, first + frame, chosen);
}

/* Return the mean of the channels; a span of half a second in which it cancels is one channel's. */
static float *read_mono(const struct bytes *file, const struct pcm *pcm) {
    float *mono = allocate(file->name, pcm->frames, sizeof *mono);
    for (size_t frame = 0; frame < pcm->frames; frame++) {
        float sum = 0;
        for (uint32_t channel = 0; channel < pcm->channels; channel++) sum += sample(pcm, frame, channel);
        mono[frame] = sum / (float)pcm->channels;
    }
    const size_t span = (size_t)fmax(1, nearbyint(0.5 * pcm->rate));
    for (size_t first = 0; first < pcm->frames && pcm->channels > 1; first += span)
        mend_cancelled(pcm, mono + first, first, pcm->frames - first < span ? pcm->frames - first : span);
    for (size_t frame = 0; frame < pcm->frames; frame++)
        if (!(fabsf(mono[frame]) <= 1e6f)) fail(file->name, "its samples are not about -1 to 1, or no numbers");
    return mono;
}

/* ---- The network ---- */

/* Send what the engine prints to nowhere, or bring it back: it announces accelerators that are not there. */
static void mute(bool on) {
    static int kept = -1;
    fflush(stderr);
    if (on) {
        const int nowhere = open("/dev/null", O_WRONLY);
        kept = dup(STDERR_FILENO);
        if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
        if (nowhere >= 0) close(nowhere);
    } else if (kept >= 0) {
        dup2(kept, STDERR_FILENO);
        close(kept);
    }
}

static size_t elements(const LiteRtRankedTensorType *type) {
    size_t count = 1;
    for (unsigned int side = 0; side < type->layout.rank; side++) count *= (size_t)type->layout.dimensions[side];
    return count;
}

/* Return whether the loaded model's tensors are those of the card, and put buffers around them. */
static bool open_tensors(const char *name, const struct card *card, struct network *network) {
    LiteRtSubgraph graph;
    LiteRtTensor input, output;
    LiteRtRankedTensorType in, out;
    LiteRtQuantizationPerTensor quantization = {0, 0};
    size_t inputs, outputs;
    if (LiteRtGetModelSubgraph(network->model, 0, &graph) || LiteRtGetNumSubgraphInputs(graph, &inputs) ||
        LiteRtGetNumSubgraphOutputs(graph, &outputs) || inputs != 1 || outputs != 1 ||
        LiteRtGetSubgraphInput(graph, 0, &input) || LiteRtGetSubgraphOutput(graph, 0, &output) ||
        LiteRtGetRankedTensorType(input, &in) || LiteRtGetRankedTensorType(output, &out))
        return false;
    if (in.element_type != kLiteRtElementTypeFloat32 || elements(&in) != card->input ||
        out.element_type != card->output_type || elements(&out) != card->count)
        return false;
    const bool is_float = card->output_type == kLiteRtElementTypeFloat32;
    if (!is_float && (LiteRtGetPerTensorQuantization(output, &quantization) ||
                      fabs(quantization.scale - card->scale) > 1e-6 * card->scale ||
                      quantization.zero_point != (int64_t)card->zero_point))
        return false;
    const size_t output_size = card->count * (is_float ? sizeof(float) : 1);
    network->input = allocate(name, card->input, sizeof(float));
    network->output = allocate(name, output_size, 1);
    return !LiteRtCreateTensorBufferFromHostMemory(&in, network->input, card->input * sizeof(float), NULL,
                                                   &network->buffers[0]) &&
           !LiteRtCreateTensorBufferFromHostMemory(&out, network->output, output_size, NULL, &network->buffers[1]);
}

static struct network open_network(const struct bytes *file, const struct card *card) {
    struct network network = {0};
    mute(true);
    const bool is_loaded =
        !LiteRtCreateEnvironment(0, NULL, &network.environment) && !LiteRtCreateOptions(&network.options) &&
        !LiteRtSetOptionsHardwareAccelerators(network.options, kLiteRtHwAcceleratorCpu) &&
        !LiteRtCreateModelFromBuffer(network.environment, file->at, card->model_size, &network.model) &&
        !LiteRtCreateCompiledModel(network.environment, network.model, network.options, &network.compiled);
    const bool is_described = is_loaded && open_tensors(file->name, card, &network);
    mute(false);
    if (!is_loaded) fail(file->name, "LiteRT cannot load this model: try another version of it");
    if (!is_described) fail(file->name, "the model's input or output is not as its card says: export it again");
    return network;
}

static void close_network(struct network *network) {
    mute(true);
    LiteRtDestroyTensorBuffer(network->buffers[0]);
    LiteRtDestroyTensorBuffer(network->buffers[1]);
    LiteRtDestroyCompiledModel(network->compiled);
    LiteRtDestroyModel(network->model);
    LiteRtDestroyOptions(network->options);
    LiteRtDestroyEnvironment(network->environment);
    mute(false);
    free(network->input);
    free(network->output);
}

/* Compute the probabilities of what lies in the network's input. */
static void run(const char *name, const struct card *card, struct network *network, double *scores) {
    double sum = 0, most = -INFINITY, total = 0;
    if (LiteRtRunCompiledModel(network->compiled, 0, 1, &network->buffers[0], 1, &network->buffers[1]))
        fail(name, "the network failed");
    for (size_t label = 0; label < card->count; label++) {
        if (card->output_type == kLiteRtElementTypeFloat32) {
            scores[label] = ((float *)network->output)[label];
        } else {
            const unsigned char byte = ((unsigned char *)network->output)[label];
            const int stored = card->output_type == kLiteRtElementTypeInt8 && byte > 127 ? byte - 256 : byte;
            scores[label] = card->scale * (stored - card->zero_point);
        }
        if (!(scores[label] >= 0 && scores[label] < INFINITY)) fail(name, "the network returned no probabilities");
        sum += scores[label];
    }
    if (card->multi_label) return; /* each score is by itself, and the temperature is 1 */
    if (sum <= 0) fail(name, "the network returned no probabilities");
    for (size_t label = 0; label < card->count; label++) {
        scores[label] /= sum;
        if (card->temperature == 1) continue;
        scores[label] = log(fmax(scores[label], 1e-6)) / card->temperature;
        most = fmax(most, scores[label]);
    }
    if (card->temperature == 1) return;
    for (size_t label = 0; label < card->count; label++) total += scores[label] = exp(scores[label] - most);
    for (size_t label = 0; label < card->count; label++) scores[label] /= total;
}

/* Fill the network's input with a window, and return whether that is silent. */
static bool fill(const struct card *card, float *input, const float *window, size_t count) {
    const bool is_short = count + card->slack < card->window;
    const size_t whole = is_short && (card->pads || card->tiles) ? card->window : count;
    double sum = 0, squares = 0;
    for (size_t at = 0; at < whole; at++) sum += at < count || card->tiles ? window[at % count] : 0;
    for (size_t at = 0; at < whole; at++) {
        const double value = (at < count || card->tiles ? window[at % count] : 0) - sum / (double)whole;
        squares += value * value;
    }
    for (size_t at = 0; at < card->input; at++) input[at] = at < count || !card->pads ? window[at % whole % count] : 0;
    return !(10 * log10(squares / (double)whole) >= SILENCE_DB);
}

struct result {
    double *probabilities; /* the mean of the windows that count */
    bool is_silent;
};

static struct result classify(const char *name, const struct card *card, struct network *network, const float *mono,
                              size_t count) {
    const size_t size = card->window;
    const bool is_one = count <= size + card->slack;
    const size_t windows = is_one      ? 1
                           : card->hop ? (count - size + card->hop - 1) / card->hop + 1
                                       : (count + size - 1) / size;
    double *sums[2], counted[2] = {0, 0}, *scores = allocate(name, card->count, sizeof *scores);
    for (int quiet = 0; quiet < 2; quiet++) sums[quiet] = allocate(name, card->count, sizeof **sums);
    for (size_t window = 0; window < windows; window++) {
        size_t first = is_one ? 0 : card->hop ? window * card->hop : window * (count - size) / (windows - 1);
        if (!is_one && first > count - size) first = count - size;
        const bool quiet = fill(card, network->input, mono + first, is_one ? count : size);
        run(name, card, network, scores);
        counted[quiet]++;
        for (size_t label = 0; label < card->count; label++) sums[quiet][label] += scores[label];
    }
    const int used = counted[0] > 0 ? 0 : 1; /* silent windows count where all are silent */
    for (size_t label = 0; label < card->count; label++) sums[used][label] /= counted[used];
    free(scores);
    free(sums[1 - used]);
    return (struct result){sums[used], used == 1};
}

/* ---- Output ---- */

/* Print the label, or several of a multi-label network, and all labels with their probabilities, highest first. */
static void print(const char *name, const struct card *card, const struct result *result) {
    size_t *order = allocate(name, card->count, sizeof *order), active = 0;
    for (size_t label = 0; label < card->count; label++) {
        size_t place = label;
        for (; place > 0 && result->probabilities[order[place - 1]] < result->probabilities[label]; place--)
            order[place] = order[place - 1];
        order[place] = label;
    }
    printf("%s:", name);
    for (size_t place = 0; place < card->count && !result->is_silent && (card->multi_label || place == 0); place++) {
        const size_t label = order[place];
        if (result->probabilities[label] >= (card->multi_label ? card->thresholds[label] : card->min_confidence))
            printf("%s %s", active++ ? "," : "", card->labels[label]);
    }
    puts(result->is_silent ? " silence" : active ? "" : " unknown");
    for (size_t place = 0; place < card->count; place++)
        printf("  %.6f  %s\n", result->probabilities[order[place]], card->labels[order[place]]);
    free(order);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fputs("usage: classify MODEL.tflite SOUND.wav\n", stderr);
        return 2;
    }
    const struct bytes model = read_file(argv[1]);
    struct card card = read_card(&model);
    const struct bytes sound = read_file(argv[2]);
    const struct pcm pcm = read_wav(&sound);
    if (pcm.rate != card.rate)
        fail(sound.name, "its rate is %u Hz, the model's %.0f: convert it with `ffmpeg -i SOUND -ar %.0f sound.wav`",
             pcm.rate, card.rate, card.rate);
    float *mono = read_mono(&sound, &pcm);
    struct network network = open_network(&model, &card);
    struct result result = classify(sound.name, &card, &network, mono, pcm.frames);
    print(sound.name, &card, &result);
    close_network(&network);
    free(result.probabilities);
    free(mono);
    free(card.thresholds);
    if (card.count > 0) free(card.labels[0]);
    free(card.labels);
    free((void *)sound.at);
    free((void *)model.at);
    return fflush(stdout) == 0 ? 0 : 1;
}
