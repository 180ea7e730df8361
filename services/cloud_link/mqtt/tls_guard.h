#pragma once

#include <string>

namespace fieldgate::cloud_link {

// Raises what Paho asks of TLS, for every TLS client connection that this
// process makes from now on (Paho's are the only ones): TLS 1.2 or newer and
// OpenSSL's security level 2, where Paho sets 1 and so takes RSA-1024. If the
// certificate is checked at all, the host's name is checked during the
// handshake. Call before the first connection; more calls do nothing.
void GuardTls();

// Why a handshake has just failed on this thread, for people: "certificate has
// expired". Paho calls back on the same thread before it goes on to another
// connection. Empty if nothing is known.
std::string TakeTlsError();

}  // namespace fieldgate::cloud_link
