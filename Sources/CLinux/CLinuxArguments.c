// The command line, as the loader hands it to everything that it initialises. This is the one
// source that neither a missing /proc (a chroot) nor a changed environment can empty.

#include "CLinux.h"

static int count;
static char **words;

// glibc calls constructors with the arguments of main.
__attribute__((constructor)) static void keep(int argument_count, char **arguments) {
  count = argument_count;
  words = arguments;
}

const char *clinux_argument(int number) { return number < count ? words[number] : NULL; }
