/* The net process: a pipe between ZeroMQ (CURVE) and keeper. It holds the transport secret and every socket that faces the network,
 * and parses nothing but ZeroMQ's own frames and keeper's control messages. It may crash at any time and be started again. */
#ifndef KR_NODE_NET_NET_H
#define KR_NODE_NET_NET_H

/* Runs until the channel on `fd` ends or STOP; returns the exit status of the process. The sandbox (no-new-privileges, Landlock
 * without paths, seccomp) stands before the first message is read. */
int kr_net_main(int fd);

#endif
