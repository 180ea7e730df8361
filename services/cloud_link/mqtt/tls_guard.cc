#include "services/cloud_link/mqtt/tls_guard.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <optional>
#include <utility>

#include "services/cloud_link/mqtt/route_mark.h"

namespace fieldgate::cloud_link {
namespace {

thread_local std::string tls_error;

int OnVerify(int ok, X509_STORE_CTX* store) {
  if (ok == 0) tls_error = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
  return ok;
}

void OnInfo(const SSL* ssl, int where, int result) {
  if ((where & SSL_CB_HANDSHAKE_START) != 0) {
    tls_error.clear();
    // The URL's host: Paho asks for it by name (SNI), numeric ones included. A
    // mark stands for the host of a connection that has a route.
    SSL* const changed = const_cast<SSL*>(ssl);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return;
    const std::optional<std::string> host = HostOfMark(name);
    if (host.has_value()) SSL_set_tlsext_host_name(changed, host->c_str());
    SSL_set1_host(changed, host.has_value() ? host->c_str() : name);
  } else if (!tls_error.empty()) {
    return;  // the first reason is the best
  } else if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT) {
    tls_error = std::string("the server answered: ") + SSL_alert_desc_string_long(result);
  } else if ((where & SSL_CB_EXIT) != 0 && result <= 0) {
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    if (reason != nullptr) tls_error = reason;
  }
}

// Runs inside SSL_new, before Paho begins the handshake.
void OnNew(void* parent, void* /*ptr*/, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*argl*/,
           void* /*argp*/) {
  SSL* const ssl = static_cast<SSL*>(parent);
  SSL_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_set_security_level(ssl, 2);
  SSL_set_info_callback(ssl, OnInfo);
  const int mode = SSL_get_verify_mode(ssl);
  if (mode != SSL_VERIFY_NONE) SSL_set_verify(ssl, mode, OnVerify);
}

}  // namespace

void GuardTls() {
  static const int index = SSL_get_ex_new_index(0, nullptr, OnNew, nullptr, nullptr);
  static_cast<void>(index);
}

std::string TakeTlsError() { return std::exchange(tls_error, ""); }

}  // namespace fieldgate::cloud_link
