#include "tests/bench/field.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace fieldgate::bench {

absl::StatusOr<std::unique_ptr<Field>> Field::Start() {
  const int port = FreePort();
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start(
      {.argv = {RunfilePath("fieldgate/tests/simulators/modbus/modbus_simulator"),
                absl::StrCat("--port=", port), "--changing=1000"}});
  if (!process.ok()) return process.status();
  if (!Eventually(absl::Seconds(20),
                  [&] { return absl::StrContains((*process)->Output(), "listening on"); })) {
    return absl::UnavailableError(absl::StrCat("modbus_simulator: ", (*process)->Output()));
  }
  return std::unique_ptr<Field>(new Field(port, *std::move(process)));
}

}  // namespace fieldgate::bench
