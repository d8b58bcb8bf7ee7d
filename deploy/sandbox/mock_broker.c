#include "mock_broker.h"

#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOCK_BROKER_REPLICAS = 1 };

struct mock_broker {
    rd_kafka_t *client; /* the mock cluster lives on a client's thread */
    rd_kafka_mock_cluster_t *cluster;
};

/* The port for the next bind() of the thread that starts the cluster; 0 when there is no wish. */
static _Thread_local uint16_t wished_port;

static int bind_really(int fd, const struct sockaddr *address, socklen_t size)
{
    return (int)syscall(SYS_bind, fd, address, size);
}

static int bind_loopback(int fd, uint16_t port)
{
    /* Connections of an earlier run that linger in TIME_WAIT do not keep the port from us. */
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return bind_really(fd, (const struct sockaddr *)&address, sizeof(address));
}

/* The mock cluster asks for a random port and has no option for another; it calls bind through the dynamic linker,
 * which finds this one first. */
int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    if (wished_port != 0 && address->sa_family == AF_INET) {
        return bind_loopback(fd, wished_port);
    }
    return bind_really(fd, address, size);
}

/* A bind that fails inside the mock cluster aborts the process, so the port is tried beforehand. */
static bool port_is_free(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool is_free = bind_loopback(fd, port) == 0 && listen(fd, 1) == 0;
    (void)close(fd);
    return is_free;
}

static void drop_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    (void)level;
    (void)facility;
    (void)text;
}

enum status mock_broker_create(uint16_t port, const char *const *topics, struct mock_broker **ret_broker,
                               struct error *ret_error)
{
    if (port != 0 && !port_is_free(port)) {
        return error_set(ret_error, STATUS_UNAVAILABLE, "port %u is taken; choose another with --port, or 0 for any",
                         (unsigned)port);
    }
    struct mock_broker *broker = memory_alloc(1, sizeof(*broker));
    char text[ERROR_TEXT_MAX] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, drop_log); /* it would only say that it has no broker to talk to */
    broker->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (broker->client == NULL) {
        rd_kafka_conf_destroy(conf);
        free(broker);
        return error_set(ret_error, STATUS_IO, "librdkafka made no client: %s", text);
    }
    wished_port = port;
    broker->cluster = rd_kafka_mock_cluster_new(broker->client, 1);
    wished_port = 0;
    if (broker->cluster == NULL) {
        mock_broker_destroy(broker);
        return error_set(ret_error, STATUS_IO, "librdkafka made no mock cluster");
    }
    for (const char *const *topic = topics; *topic != NULL; topic++) {
        rd_kafka_resp_err_t code =
            rd_kafka_mock_topic_create(broker->cluster, *topic, MOCK_BROKER_PARTITIONS, MOCK_BROKER_REPLICAS);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            mock_broker_destroy(broker);
            return error_set(ret_error, STATUS_IO, "topic %s: %s", *topic, rd_kafka_err2str(code));
        }
    }
    *ret_broker = broker;
    return STATUS_OK;
}

const char *mock_broker_address(const struct mock_broker *broker)
{
    return rd_kafka_mock_cluster_bootstraps(broker->cluster);
}

void mock_broker_destroy(struct mock_broker *broker)
{
    if (broker == NULL) {
        return;
    }
    if (broker->cluster != NULL) {
        rd_kafka_mock_cluster_destroy(broker->cluster);
    }
    rd_kafka_destroy(broker->client);
    free(broker);
}
