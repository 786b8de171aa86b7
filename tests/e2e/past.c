/* For LD_PRELOAD: the clock of the system is KR_PAST_S seconds behind. So a program dates back what it signs. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time);

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) {
        *(void **)(&real) = dlsym(RTLD_NEXT, "clock_gettime");
    }
    const int result = real(clock, time);
    const char *past = getenv("KR_PAST_S");
    if (result == 0 && clock == CLOCK_REALTIME && past != NULL) {
        time->tv_sec -= strtol(past, NULL, 10);
    }
    return result;
}
