#include "program.h"

#include "check.h"
#include "core_dump.h"

#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

enum { VERSION_TEXT_MAX = 32 };

void program_begin(void)
{
    core_dump_forbid();
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC); /* the lowest that is free; it stays when that is a standard one */
        CHECK(fd >= 0);
    } while (fd <= STDERR_FILENO);
    close(fd);
}

enum exit_status program_usage_error(const char *name, const char *reason)
{
    fprintf(stderr, "%s: %s\nTry `%s --help`.\n", name, reason, name);
    return EXIT_STATUS_USAGE;
}

enum exit_status program_settings_error(struct error_list *errors)
{
    error_list_print(errors, stderr);
    error_list_free(errors);
    return EXIT_STATUS_SETTINGS;
}

void program_print_library(const char *library, const char *built, const char *running)
{
    printf("  %-14s built %s%s%s\n", library, built,
           running != NULL ? ", running " : " (it does not tell what is running)", running != NULL ? running : "");
}

void program_print_version(const char *name)
{
    char built[VERSION_TEXT_MAX];
    char running[VERSION_TEXT_MAX];
    int major = 0;
    int minor = 0;
    int patch = 0;
    printf("%s %s\n", name, RELAY_VERSION);
    snprintf(built, sizeof(built), "%d.%d.%d", RD_KAFKA_VERSION >> 24, (RD_KAFKA_VERSION >> 16) & 255,
             (RD_KAFKA_VERSION >> 8) & 255);
    program_print_library("librdkafka", built, rd_kafka_version_str());
    snprintf(built, sizeof(built), "%x.%x.%x", (unsigned)MHD_VERSION >> 24, ((unsigned)MHD_VERSION >> 16) & 255,
             ((unsigned)MHD_VERSION >> 8) & 255);
    program_print_library("libmicrohttpd", built, MHD_get_version());
    yaml_get_version(&major, &minor, &patch);
    snprintf(running, sizeof(running), "%d.%d.%d", major, minor, patch);
    program_print_library("libyaml", LIBYAML_VERSION, running);
}

enum exit_status program_end(const char *name, enum exit_status exit_status)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        fprintf(stderr, "%s: standard output: %s\n", name, strerror(errno));
        return EXIT_STATUS_CANT_WRITE;
    }
    return exit_status;
}
