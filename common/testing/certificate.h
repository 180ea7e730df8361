#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fieldgate {

struct TestCertificateOptions {
  std::string host = "localhost";  // subject alternative name: a DNS name or an IPv4 address
  absl::Duration valid_from = -absl::Hours(24);  // relative to now
  absl::Duration valid_until = absl::Hours(24);
  int rsa_bits = 0;  // 0: EC P-256
};

// PEM files.
struct TestCertificate {
  std::string ca_file;    // of the authority that signed it
  std::string cert_file;  // of the server
  std::string key_file;
};

// Makes a certificate authority and a server certificate signed by it, in a
// new directory below TEST_TMPDIR.
//
// kInternal: OpenSSL failed.
absl::StatusOr<TestCertificate> MakeTestCertificate(const TestCertificateOptions& options = {});

}  // namespace fieldgate
