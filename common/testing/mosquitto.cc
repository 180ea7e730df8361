#include "common/testing/mosquitto.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace fieldgate {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

bool Accepts(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

// mosquitto_passwd's format: $7$iterations$salt$hash, PBKDF2 with SHA-512.
std::string PasswordLine(const std::string& user, const std::string& password) {
  constexpr int kIterations = 101;
  constexpr absl::string_view kSalt = "fixed-salt-1";  // 12 bytes; a test's password is no secret
  unsigned char hash[64];
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                    reinterpret_cast<const unsigned char*>(kSalt.data()),
                    static_cast<int>(kSalt.size()), kIterations, EVP_sha512(), sizeof hash, hash);
  return absl::StrCat(
      user, ":$7$", kIterations, "$", absl::Base64Escape(kSalt), "$",
      absl::Base64Escape(absl::string_view(reinterpret_cast<char*>(hash), sizeof hash)), "\n");
}

}  // namespace

Mosquitto::Mosquitto() : Mosquitto(Options{}) {}

Mosquitto::Mosquitto(Options options)
    : options_(std::move(options)), port_(FreePort()), dir_(NewTempDir()) {}

absl::Status Mosquitto::Start() {
  if (process_ != nullptr) return absl::OkStatus();
  std::ofstream config(dir_ + "/mosquitto.conf");
  // "user root": otherwise it changes to a user that the machine may not have.
  config << "listener " << port_ << " 127.0.0.1\nuser root\npersistence_location " << dir_
         << "/\nmax_queued_messages 0\nmax_inflight_messages 0\n";
  if (options_.username.empty()) {
    config << "allow_anonymous true\n";
  } else {
    std::ofstream(dir_ + "/passwords") << PasswordLine(options_.username, options_.password);
    config << "allow_anonymous false\npassword_file " << dir_ << "/passwords\n";
  }
  if (!options_.cert_file.empty()) {
    config << "certfile " << options_.cert_file << "\nkeyfile " << options_.key_file << "\n";
  }
  for (const std::string& line : options_.config) config << line << "\n";
  config.close();

  const std::string root = RunfilePath("debs_runtime");
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start(
      {.argv = {root + "/usr/sbin/mosquitto", "-c", dir_ + "/mosquitto.conf"},
       .env = {{"LD_LIBRARY_PATH",
                absl::StrCat(root, "/usr/lib/x86_64-linux-gnu:", root, "/lib/x86_64-linux-gnu")}},
       .output_file = dir_ + "/output"});
  if (!process.ok()) return process.status();
  const bool listens = Eventually(kPatience, [&] {
    return Accepts(port_) || (*process)->WaitForExit(absl::ZeroDuration()).has_value();
  });
  if (!listens || (*process)->WaitForExit(absl::ZeroDuration()).has_value()) {
    return absl::UnavailableError(absl::StrCat("mosquitto doesn't listen: ", Output()));
  }
  process_ = *std::move(process);
  return absl::OkStatus();
}

void Mosquitto::Stop() { End(SIGTERM); }

void Mosquitto::Kill() { End(SIGKILL); }

void Mosquitto::End(int signal) {
  if (process_ == nullptr) return;
  process_->Kill(signal);
  process_->WaitForExit(kPatience);
  process_.reset();
}

void Mosquitto::Pause() {
  if (process_ != nullptr) process_->Kill(SIGSTOP);
}

void Mosquitto::Resume() {
  if (process_ != nullptr) process_->Kill(SIGCONT);
}

std::string Mosquitto::url() const {
  return absl::StrCat(options_.cert_file.empty() ? "tcp://127.0.0.1:" : "ssl://localhost:", port_);
}

std::string Mosquitto::Output() const {
  std::ifstream file(dir_ + "/output");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace fieldgate
