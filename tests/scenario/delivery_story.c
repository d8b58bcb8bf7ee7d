/* delivery_story: plays a story to the delivery core and compares what the core wants done with what the story says.
 *
 *   delivery_story FILE            exit 0 when they are equal, 1 with the first difference when they are not
 *   delivery_story --update FILE   writes the core's lines into the file
 *
 * Lines at the left edge are events and settings; `#` is a comment; indented lines are the core's. */
#include "story_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_file(const char *path, struct bytes *ret_text)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(66);
    }
    char buffer[4096];
    size_t size = 0;
    while ((size = fread(buffer, 1, sizeof(buffer), file)) > 0) {
        bytes_append(ret_text, buffer, size);
    }
    fclose(file);
}

static bool play(const struct bytes *story, struct bytes *ret_told)
{
    static struct story_world world; /* large */
    story_world_init(&world, ret_told);
    bool is_understood = true;
    for (size_t start = 0; start < story->size && is_understood;) {
        const uint8_t *newline = memchr(story->data + start, '\n', story->size - start);
        size_t size = newline == NULL ? story->size - start : (size_t)(newline - story->data) - start;
        char *line = bytes_view_to_text(bytes_view_of(story->data + start, size));
        if (line[0] != ' ') {
            bytes_append_format(ret_told, "%s\n", line);
        }
        if (line[0] != ' ' && line[0] != '#' && line[0] != '\0' && !story_world_take_line(&world, line)) {
            fprintf(stderr, "not understood: %s\n", line);
            is_understood = false;
        }
        free(line);
        start += size + 1;
    }
    story_world_destroy(&world);
    return is_understood;
}

static int compare(const char *path, const struct bytes *story, const struct bytes *told)
{
    size_t line = 1;
    size_t start = 0;
    for (size_t i = 0; i < story->size || i < told->size; i++) {
        if (i >= story->size || i >= told->size || story->data[i] != told->data[i]) {
            int expected = (int)strcspn((const char *)story->data + start, "\n");
            int found = (int)strcspn((const char *)told->data + start, "\n");
            fprintf(stderr, "%s:%zu: the story says\n%.*s\nand the core\n%.*s\n", path, line, expected,
                    (const char *)story->data + start, found, (const char *)told->data + start);
            return 1;
        }
        if (story->data[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    return 0;
}

static int update(const char *path, const struct bytes *told)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(told->data, 1, told->size, file) != told->size || fclose(file) != 0) {
        perror(path);
        return 74;
    }
    return 0;
}

int main(int argc, char **argv)
{
    bool is_update = argc == 3 && strcmp(argv[1], "--update") == 0;
    if (argc != 2 && !is_update) {
        fprintf(stderr, "usage: delivery_story [--update] FILE\n");
        return 64;
    }
    struct bytes story = {0};
    struct bytes told = {0};
    read_file(argv[argc - 1], &story);
    int status = 65;
    if (play(&story, &told)) {
        /* strcspn wants an end. */
        bytes_append_byte(&story, '\0');
        bytes_append_byte(&told, '\0');
        story.size--;
        told.size--;
        status = is_update ? update(argv[2], &told) : compare(argv[1], &story, &told);
    }
    bytes_free(&story);
    bytes_free(&told);
    return status;
}
