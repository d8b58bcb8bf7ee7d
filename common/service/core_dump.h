/* core_dump.h: what is in memory stays there.
 *
 * A daemon of ours holds secrets and the notes of incidents, in its own buffers and in those of its libraries, so no
 * part of its memory may be written to a disk when it ends by a signal. */
#ifndef RELAY_CORE_DUMP_H
#define RELAY_CORE_DUMP_H

/* Called by program_begin, before anything is read: from here on the kernel writes no core dump of this process,
 * neither to a file nor to a handler, whatever its limits say, and only root may read its memory or its environment
 * (prctl(2), PR_SET_DUMPABLE). A debugger that starts the program itself still works. */
void core_dump_forbid(void);

#endif
