#pragma once

#include <string>

#include "absl/time/time.h"

namespace fieldgate::cloud_link {

// What Paho has no option for, on each socket that it makes, by the linker's
// --wrap of Socket_new, Socket_close, recv, SSL_read and SSL_connect:
//
// - PacketGuard stands before its reader, behind TLS.
// - A TCP connection must be there within kConnectWithin: the kernel asks again
//   at ever longer intervals, and a way that is back would be noticed late.
// - What the peer's TCP does not acknowledge within kSilence is a lost
//   connection, with every QoS and also in the middle of a large message.
// - A packet leaves at once (TCP_NODELAY): the answer to a command does not wait
//   until the broker's TCP has acknowledged the PUBACK before it, 40 ms or more.
// - Why a read failed is kept for the status.
inline constexpr absl::Duration kConnectWithin = absl::Seconds(5);
inline constexpr absl::Duration kSilence = absl::Seconds(15);

// Why the newest read of this thread failed, "the broker closed the connection";
// once, then empty. Paho reports a lost connection on the thread of the read.
std::string TakeReadError();

}  // namespace fieldgate::cloud_link
