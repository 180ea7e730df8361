#include "common/testing/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/testing/process.h"

namespace fieldgate {
namespace {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* p) const {
    kFree(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using File = std::unique_ptr<FILE, Free<fclose>>;

bool AddExtension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(cert, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

Certificate NewCertificate(EVP_PKEY* key, const std::string& name, int64_t serial,
                           absl::Duration from, absl::Duration until) {
  Certificate cert(X509_new());
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(cert.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), absl::ToInt64Seconds(from));
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), absl::ToInt64Seconds(until));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_pubkey(cert.get(), key);
  return cert;
}

bool WriteCertificate(const std::string& path, X509* cert) {
  File file(fopen(path.c_str(), "we"));
  return file != nullptr && PEM_write_X509(file.get(), cert) == 1;
}

bool WriteKey(const std::string& path, EVP_PKEY* key) {
  File file(fopen(path.c_str(), "we"));
  return file != nullptr &&
         PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
}

bool IsIpv4(const std::string& host) {
  return host.find_first_not_of("0123456789.") == std::string::npos;
}

absl::Status Failed(const char* what) {
  return absl::InternalError(
      absl::StrCat("OpenSSL: ", what, ": ", ERR_error_string(ERR_get_error(), nullptr)));
}

}  // namespace

absl::StatusOr<TestCertificate> MakeTestCertificate(const TestCertificateOptions& options) {
  const Key ca_key(EVP_EC_gen("P-256"));
  const Key key(options.rsa_bits != 0 ? EVP_RSA_gen(static_cast<unsigned>(options.rsa_bits))
                                      : EVP_EC_gen("P-256"));
  if (ca_key == nullptr || key == nullptr) return Failed("key");

  const Certificate ca =
      NewCertificate(ca_key.get(), "Test CA", 1, -absl::Hours(48), absl::Hours(48));
  X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
  if (!AddExtension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE") ||
      !AddExtension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign") ||
      X509_sign(ca.get(), ca_key.get(), EVP_sha256()) == 0) {
    return Failed("certificate of the authority");
  }

  const Certificate cert =
      NewCertificate(key.get(), options.host, 2, options.valid_from, options.valid_until);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(ca.get()));
  const std::string name = (IsIpv4(options.host) ? "IP:" : "DNS:") + options.host;
  if (!AddExtension(cert.get(), ca.get(), NID_subject_alt_name, name) ||
      X509_sign(cert.get(), ca_key.get(), EVP_sha256()) == 0) {
    return Failed("certificate of the server");
  }

  const std::string dir = NewTempDir();
  const TestCertificate files{dir + "/ca.crt", dir + "/server.crt", dir + "/server.key"};
  if (!WriteCertificate(files.ca_file, ca.get()) ||
      !WriteCertificate(files.cert_file, cert.get()) || !WriteKey(files.key_file, key.get())) {
    return Failed("files");
  }
  return files;
}

}  // namespace fieldgate
