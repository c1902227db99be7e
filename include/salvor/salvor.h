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

/*
 * A host, which the caller frees; NULL when there is no memory or the system refuses what the event
 * loop needs. Until it is freed it handles SIGINT, SIGTERM, SIGPIPE and, unless it was ignored, SIGHUP;
 * malloc() keeps freed memory for the process from then on.
 */
struct salvor_host *salvor_host_new(void);

/*
 * Ends what still runs: tasks, transfers, child processes. NULL is fine. Where the kernel holds
 * threads, on a file system that does not answer, what they use stays in memory: the process is to
 * end then.
 */
void salvor_host_free(struct salvor_host *host);

/*
 * The main thread of the host's Lua 5.4 state, which has Lua's libraries and Salvor's modules and is
 * closed with the host. What waits in it (task.sleep(), a request) runs the event loop right there.
 */
struct lua_State *salvor_host_state(struct salvor_host *host);

/*
 * Runs the command line of `argc` words, the program's name first, and a NULL behind them; they are
 * not needed afterwards. Once for each host. Returns the exit code: 0 done, 1 failed, 2 usage, 70 a
 * fault of Salvor's own or of the machine, and those of the commands (salvor(1)). Messages go to
 * standard error. When SIGINT, SIGTERM, SIGHUP or SIGPIPE has ended the script, it frees the host and
 * ends the process by that signal instead of returning.
 */
int salvor_host_main(struct salvor_host *host, int argc, char **argv);

#endif
