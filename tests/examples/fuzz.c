/* Damage a model file or a WAV file at random and read it with the example's parsers, each time in a process of its own.

       fuzz model|sound FILE TRIES SEED

   Ends with 1, and the number of the try, where a parser does anything but accept the file or refuse it (exit code 1).
   The digest is compared last, after all parsers. */
#define main program_main
#include "../../examples/c/classify.c"
#undef main
#include <sys/wait.h>

static uint32_t random_state;

static uint32_t random_below(uint32_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % bound;
}

/* Change some bytes to random or special ones, mostly near the archive or the header, and sometimes cut the end. */
static void damage(struct bytes *file, unsigned char *content, bool is_model) {
    static const uint32_t special[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '}', '[', ']', ',', ':', '\\', '\n', '-', '9'};
    const uint32_t size = (uint32_t)file->size, near = size < 12000 ? size : is_model ? 12000 : 64;
    for (uint32_t count = 1 + random_below(6); count > 0; count--) {
        const uint32_t from = random_below(4) == 0 ? random_below(size) : random_below(near);
        const uint32_t at = is_model ? size - 1 - from : from, length = 1 + random_below(random_below(8) ? 1 : 5);
        for (uint32_t place = at; place < size && place < at + length; place++)
            content[place] = (unsigned char)(random_below(2) ? special[random_below(16)] : random_below(256));
    }
    if (random_below(8) == 0) file->size -= random_below(size);
}

/* Make the checksums of the archive's texts right, so that what was damaged in them is read. */
static void mend_checksums(unsigned char *content, size_t size) {
    for (size_t at = 0; at + 46 < size; at++) {
        if (memcmp(content + at, "PK\1\2", 4) != 0) continue;
        const uint32_t length = little(content + at + 24, 4), offset = little(content + at + 42, 4);
        const size_t first = (size_t)offset + 30 + little(content + at + 28, 2);
        if (first >= size || length > size - first) continue;
        const uint32_t crc = crc32_of((const char *)content + first, length);
        memcpy(content + at + 16, &crc, 4);
    }
}

static void read_damaged(const struct bytes *whole, bool is_model) {
    unsigned char *content = malloc(whole->size);
    if (content == NULL) _exit(98);
    memcpy(content, whole->at, whole->size);
    struct bytes file = {"fuzz", content, whole->size};
    damage(&file, content, is_model);
    if (is_model) {
        if (random_below(4) != 0) mend_checksums(content, file.size);
        content = realloc(content, file.size); /* so that a byte too far is noticed */
        file.at = content;
        struct card card = read_card(&file);
        if (card.window == 0 || card.input == 0 || card.count < 2) _exit(97);
    } else {
        content = realloc(content, file.size);
        file.at = content;
        const struct pcm pcm = read_wav(&file);
        free(read_mono(&file, &pcm));
    }
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    const struct bytes whole = read_file(argv[2]);
    const bool is_model = strcmp(argv[1], "model") == 0;
    const long tries = atol(argv[3]), seed = atol(argv[4]);
    long accepted = 0;
    for (long number = 0; number < tries; number++) {
        const pid_t child = fork();
        if (child == 0) {
            random_state = (uint32_t)(seed * 1000003 + number) * 2654435761u | 1;
            if (freopen("/dev/null", "w", stderr) == NULL) _exit(96);
            read_damaged(&whole, is_model);
            _exit(0);
        }
        int status = 0;
        if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) > 1) {
            printf("try %ld of seed %ld: status %x\n", number, seed, status);
            return 1;
        }
        accepted += WEXITSTATUS(status) == 0;
    }
    printf("%ld tries, %ld accepted\n", tries, accepted);
    free((void *)whole.at);
    return 0;
}
