#include "tests/fault/power_cuts.h"

#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/sqlite/sqlite.h"
#include "common/status/status.h"
#include "common/testing/simulated_disk.h"
#include "tests/fault/stored.h"
#include "tests/fault/writer.h"

namespace fieldgate::fault {
namespace {

constexpr int kRounds = 5;  // cuts after each other
constexpr int kCuts = 6;    // a round, each from its beginning
constexpr int kImages = 4;  // a cut
constexpr size_t kMaxFailures = 10;

// A disk with a database of a former version.
absl::Status WriteFormer(const std::string& file, const std::string& path, SimulatedDisk& disk) {
  std::stringstream sql;
  sql << std::ifstream(file).rdbuf();
  if (sql.str().empty()) return absl::NotFoundError(absl::StrCat(file, ": can't be read"));
  sqlite::Options options;
  options.disk = &disk;
  const auto database = sqlite::Database::Open(path, options);
  if (!database.ok()) return database.status();
  return Annotate((*database)->Execute(sql.str()), file);
}

class Chain {
 public:
  Chain(const PowerCutOptions& options, uint64_t seed, PowerCutTotals& totals)
      : lying_disk_(options.lying_disk), seed_(seed), chances_(seed), totals_(totals) {
    const std::vector<WriterKind>& kinds = WriterKinds();
    kind_ = &kinds[chances_.Below(kinds.size())];
    for (const WriterKind& kind : kinds) {
      if (kind.name == options.writer) kind_ = &kind;
    }
  }

  void Run() {
    SimulatedDisk blank(seed_);
    const size_t former = chances_.Below(kind_->former_versions.size() + 1);
    if (former > 0) {
      const absl::Status status =
          WriteFormer(kind_->former_versions[former - 1], kind_->path, blank);
      if (!status.ok()) return Fail(status.ToString());
    }
    std::unique_ptr<SimulatedDisk> base = blank.Image(chances_.Below(1000));
    for (int round = 0; round < kRounds && base != nullptr; ++round) base = RunRound(*base);
  }

 private:
  // Whatever `base` holds is synced, so that all its images are the same. Returns
  // the disk to go on with; nullptr: the chain has failed.
  std::unique_ptr<SimulatedDisk> RunRound(const SimulatedDisk& base) {
    // Some are long enough for the log to be moved into the database on the way.
    const bool is_long = chances_.OneIn(20);
    restarts_ = !is_long;
    const uint64_t steps = is_long ? 50 + chances_.Below(100) : 1 + chances_.Below(10);
    seeds_.clear();
    for (uint64_t i = 0; i < steps; ++i) seeds_.push_back(chances_.Below(1'000'000'000));
    const std::unique_ptr<SimulatedDisk> whole = base.Image(0);
    const absl::Status status = RunWhole(*whole);
    if (!status.ok()) {
      Fail(absl::StrCat("without a cut: ", status.ToString()));
      return nullptr;
    }
    const auto operations = static_cast<uint64_t>(whole->operations() - reading_);
    std::unique_ptr<SimulatedDisk> next;
    for (int cut = 0; cut < kCuts; ++cut) {
      const uint64_t at = chances_.Below(operations + 1);
      const std::unique_ptr<SimulatedDisk> disk = base.Image(0);
      disk->SetIgnoresSyncs(lying_disk_);
      disk->CutPowerAfter(static_cast<int64_t>(at));
      const int acknowledged = RunUntilCut(*disk);
      const std::string last = disk->last_operation();
      if (acknowledged >= 0 && absl::EndsWith(last, kind_->path)) totals_.while_moving += kImages;
      ++totals_.cuts;
      for (int image = 0; image < kImages; ++image) {
        const uint64_t seed = chances_.Below(1'000'000'000);
        const std::string wrong = Check(*disk->Image(seed), acknowledged);
        if (!wrong.empty()) {
          Fail(absl::StrCat("cut after ", at, " of ", operations, " operations (", last, "), ",
                            acknowledged, " of ", steps, " steps: ", wrong));
          return nullptr;
        }
        next = disk->Image(seed);
      }
    }
    return next;
  }

  // All steps, without a cut: what is stored after each, `stored_`[0] before.
  absl::Status RunWhole(SimulatedDisk& disk) {
    stored_.clear();
    reading_ = 0;
    const std::unique_ptr<Writer> writer = kind_->make();
    writer->set_restarts(restarts_);
    if (absl::Status status = writer->Open(disk); !status.ok()) return status;
    for (size_t i = 0;; ++i) {
      const int64_t before = disk.operations();
      absl::StatusOr<std::string> stored = ReadAll(*writer, disk, kind_->path);
      reading_ += disk.operations() - before;
      if (!stored.ok()) return Annotate(stored.status(), absl::StrCat("after step ", i));
      stored_.push_back(*std::move(stored));
      if (i == seeds_.size()) return absl::OkStatus();
      SeededChances chances(seeds_[i]);
      if (absl::Status status = writer->Step(chances); !status.ok()) {
        return Annotate(status, absl::StrCat("step ", i + 1));
      }
    }
  }

  // The same steps until the power fails; returns how many were acknowledged, -1
  // if it could not even be opened.
  int RunUntilCut(SimulatedDisk& disk) {
    const std::unique_ptr<Writer> writer = kind_->make();
    writer->set_restarts(restarts_);
    if (!writer->Open(disk).ok()) return -1;
    int acknowledged = 0;
    for (const uint64_t seed : seeds_) {
      SeededChances chances(seed);
      if (!writer->Step(chances).ok()) break;
      ++acknowledged;
    }
    return acknowledged;
  }

  // What is wrong with the image; "": nothing.
  std::string Check(SimulatedDisk& image, int acknowledged) {
    ++totals_.images;
    const std::unique_ptr<Writer> writer = kind_->make();
    const absl::Status opened = writer->Open(image);
    absl::StatusOr<std::string> stored = absl::UnknownError("not read");
    if (opened.ok()) {
      stored = ReadAll(*writer, image, kind_->path);
    } else {
      stored = Annotate(opened, "opening the image");
    }
    if (!stored.ok()) {
      ++totals_.corrupt;
      return stored.status().ToString();
    }
    if (acknowledged < 0) {
      ++totals_.while_opening;
      acknowledged = 0;
    } else {
      totals_.acknowledged += acknowledged;
    }
    const auto done = static_cast<size_t>(acknowledged);
    if (*stored == stored_[done]) {
      ++totals_.in_flight_absent;
      return "";
    }
    if (done < seeds_.size() && *stored == stored_[done + 1]) {
      ++totals_.in_flight_done;
      return "";
    }
    ++totals_.lost;
    return FirstDifference(*stored, stored_[done]);
  }

  void Fail(const std::string& what) {
    if (totals_.failures.size() >= kMaxFailures) return;
    totals_.failures.push_back(absl::StrCat(
        kind_->name, ": ", what, "\n  bazel run //tests/fault:power_cut -- --images=1 --seed=",
        seed_, " --writer=", kind_->name, lying_disk_ ? " --lying-disk" : ""));
  }

  const bool lying_disk_;
  const uint64_t seed_;
  const WriterKind* kind_;
  SeededChances chances_;
  PowerCutTotals& totals_;
  bool restarts_ = true;             // in the round's steps
  std::vector<uint64_t> seeds_;      // of the round's steps
  int64_t reading_ = 0;              // operations that RunWhole's reading took
  std::vector<std::string> stored_;  // before the first and after each
};

}  // namespace

PowerCutTotals CutPower(const PowerCutOptions& options) {
  PowerCutTotals totals;
  while (totals.images < options.images && totals.failures.size() < kMaxFailures) {
    Chain(options, options.seed + static_cast<uint64_t>(totals.chains), totals).Run();
    ++totals.chains;
  }
  return totals;
}

std::string ToString(const PowerCutTotals& totals) {
  return absl::StrCat(totals.images, " images of ", totals.cuts, " power cuts in ", totals.chains,
                      " chains, with ", totals.acknowledged, " acknowledged steps: ", totals.lost,
                      " lost or half done, ", totals.corrupt, " corrupt.\n", totals.while_opening,
                      " while the file was created, migrated or opened, ", totals.while_moving,
                      " while the log was moved into it; what was not acknowledged "
                      "was there in ",
                      totals.in_flight_done, ", absent in ", totals.in_flight_absent, ".\n");
}

}  // namespace fieldgate::fault
