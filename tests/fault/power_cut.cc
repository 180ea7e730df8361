// Power cuts on the simulated disk, as many as you like.
#include <chrono>
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/cli/options.h"
#include "common/log/log.h"
#include "tests/fault/power_cuts.h"
#include "tests/fault/writer.h"

namespace fieldgate::fault {
namespace {

int Misuse(const std::string& message) {
  std::fprintf(stderr, "power_cut: %s\n", message.c_str());
  return 2;
}

int Run(int argc, char** argv) {
  PowerCutOptions options;
  std::string images = "10000", seed = "1";
  const cli::Command command = {
      .name = "power_cut",
      .summary =
          "Cuts the power of a simulated disk while fieldgate's own code writes to it, and\n"
          "checks that nothing that was acknowledged is lost.",
      .usage = "[--images=N] [--seed=N] [--writer=NAME]",
      .options = {{.name = "images",
                   .placeholder = "N",
                   .help = "Disks to look at (default 10000).",
                   .text = &images},
                  {.name = "seed",
                   .placeholder = "N",
                   .help = "What happens follows from it (default 1).",
                   .text = &seed},
                  {.name = "writer",
                   .placeholder = "NAME",
                   .help = "cloud_link, config_store, logs or variables alone.",
                   .text = &options.writer},
                  {.name = "lying-disk",
                   .placeholder = "",
                   .help = "A disk that doesn't sync when told so: rows are lost.",
                   .flag = &options.lying_disk}},
      .positional = nullptr,
      .details = "Exit status: 0 nothing was lost; 1 something was; 2 misuse.",
  };
  if (absl::Status s = cli::Parse(command, argc, argv); absl::IsCancelled(s)) {
    std::fputs(cli::Help(command).c_str(), stdout);
    return 0;
  } else if (!s.ok()) {
    return Misuse(std::string(s.message()));
  }
  if (!absl::SimpleAtoi(images, &options.images) || options.images < 1) {
    return Misuse(absl::StrCat("--images: '", images, "' is no number from 1 on"));
  }
  if (!absl::SimpleAtoi(seed, &options.seed)) {
    return Misuse(absl::StrCat("--seed: '", seed, "' is no number"));
  }
  bool known = options.writer.empty();
  for (const WriterKind& kind : WriterKinds()) known |= kind.name == options.writer;
  if (!known) return Misuse(absl::StrCat("--writer: there is no '", options.writer, "'"));

  // What the services say of each of thousands of starts would hide the rest.
  log::Configure("power_cut", log::Format::kText, log::Level::kError);
  const auto begin = std::chrono::steady_clock::now();
  const PowerCutTotals totals = CutPower(options);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::fputs(ToString(totals).c_str(), stdout);
  std::printf("%.1f s, %.0f images a second.\n", seconds,
              static_cast<double>(totals.images) / seconds);
  for (const std::string& failure : totals.failures) std::printf("%s\n", failure.c_str());
  return totals.failures.empty() ? 0 : 1;
}

}  // namespace
}  // namespace fieldgate::fault

int main(int argc, char** argv) { return fieldgate::fault::Run(argc, argv); }
