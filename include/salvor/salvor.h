/*
 * Embedding Salvor: a host is one Lua state with Salvor's modules, tasks and event loop. It belongs
 * to the thread that made it, and a process has at most one at a time, since signals are its.
 *
 *     struct salvor_host *host = salvor_host_new();
 *     if (!host)
 *         return 70;
 *     int code = salvor_host_main(host, argc, argv);
 *     salvor_host_free(host);
 *
 * A C module is an ordinary Lua module: register its luaopen_ function in package.preload of
 * salvor_host_state() before salvor_host_main().
 */
#ifndef SALVOR_SALVOR_H
#define SALVOR_SALVOR_H

#define SALVOR_VERSION "0.1.0"

struct lua_State;
struct salvor_host;

/* NULL when there is no memory or the system refuses what the event loop needs. */
struct salvor_host *salvor_host_new(void);

/*
 * Ends what still runs: tasks, transfers, child processes. NULL is fine. Where the kernel holds
 * threads, on a file system that does not answer, what they use stays in memory: the process is to
 * end then.
 */
void salvor_host_free(struct salvor_host *host);

struct lua_State *salvor_host_state(struct salvor_host *host);

/*
 * Runs the command line and returns the exit code: 0 done, 1 failed, 2 usage, and those of the
 * commands (salvor(1)). Messages go to standard error. After SIGINT or SIGTERM it frees the host
 * and ends the process by that signal.
 */
int salvor_host_main(struct salvor_host *host, int argc, char **argv);

#endif
