/* librdkafka_threads.c: librdkafka's threads and locks, put where ThreadSanitizer sees them. Linked into the programs
 * of that build only.
 *
 * ThreadSanitizer intercepts pthread_* and nothing of <threads.h>, by which librdkafka starts its threads and takes
 * most of its locks: a thread that the sanitizer has not seen begin crashes at its first intercepted call, and what one
 * thread hands to another under a mtx_t looks like a race. The functions below stand before glibc's and go by way of
 * POSIX threads. In glibc a mtx_t is a pthread_mutex_t, a cnd_t a pthread_cond_t, a thrd_t a pthread_t and a once_flag
 * a pthread_once_t (nptl/mtx_lock.c and its neighbours), so each call is handed on as it is. Only what librdkafka 2.0
 * to 2.16 call is here.
 *
 * That the calls come from here and not from the library matters as well: thread_sanitizer.supp has the sanitizer pass
 * over calls that come from librdkafka, and a lock that was passed over orders nothing. */
#include "check.h"
#include "memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "a mtx_t holds a pthread_mutex_t");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "a cnd_t holds a pthread_cond_t");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "a thrd_t is a pthread_t");
_Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "a once_flag is a pthread_once_t");

/* What a thread is to run: a C11 thread answers an int, a POSIX thread a pointer. */
struct beginning {
    thrd_start_t function;
    void *argument;
};

static void *begin(void *context)
{
    struct beginning beginning = *(struct beginning *)context;
    free(context);
    return (void *)(intptr_t)beginning.function(beginning.argument);
}

static int answer_of(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    case ETIMEDOUT:
        return thrd_timedout;
    default:
        return thrd_error;
    }
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
    struct beginning *beginning = memory_alloc(1, sizeof(*beginning));
    *beginning = (struct beginning){.function = function, .argument = argument};
    int error = pthread_create(thread, NULL, begin, beginning);
    if (error != 0) {
        free(beginning);
    }
    return answer_of(error);
}

int thrd_join(thrd_t thread, int *ret_answer)
{
    void *answer = NULL;
    int error = pthread_join(thread, &answer);
    if (error == 0 && ret_answer != NULL) {
        *ret_answer = (int)(intptr_t)answer;
    }
    return answer_of(error);
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    CHECK(pthread_mutexattr_init(&attributes) == 0);
    int kind = (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL;
    CHECK(pthread_mutexattr_settype(&attributes, kind) == 0);
    int error = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    CHECK(pthread_mutexattr_destroy(&attributes) == 0);
    return answer_of(error);
}

int mtx_lock(mtx_t *mutex)
{
    return answer_of(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex)
{
    return answer_of(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

void mtx_destroy(mtx_t *mutex)
{
    (void)pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int cnd_init(cnd_t *condition)
{
    return answer_of(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

int cnd_signal(cnd_t *condition)
{
    return answer_of(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return answer_of(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return answer_of(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    return answer_of(pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

void cnd_destroy(cnd_t *condition)
{
    (void)pthread_cond_destroy((pthread_cond_t *)condition);
}

void call_once(once_flag *once, void (*function)(void))
{
    (void)pthread_once((pthread_once_t *)once, function);
}

/* The read-write locks are POSIX ones in librdkafka too, so they need only to be called from here. */
int __interceptor_pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int __interceptor_pthread_rwlock_wrlock(pthread_rwlock_t *lock);
int __interceptor_pthread_rwlock_unlock(pthread_rwlock_t *lock);

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    return __interceptor_pthread_rwlock_rdlock(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    return __interceptor_pthread_rwlock_wrlock(lock);
}

int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    return __interceptor_pthread_rwlock_unlock(lock);
}
