#include "services/fieldgate/watch.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/rpc.h"
#include "common/service/service.h"
#include "grpcpp/completion_queue.h"
#include "proto/process_data.grpc.pb.h"
#include "services/fieldgate/usage.h"
#include "services/fieldgate/value_table.h"

namespace fieldgate::commands {
namespace {

// A screen that moves faster can't be read.
constexpr absl::Duration kRefresh = absl::Milliseconds(250);
constexpr absl::Duration kRetry = absl::Milliseconds(500);

constexpr char kDetails[] = R"(On a terminal: a table that refreshes. Otherwise a line a change:
  TIME PATH VALUE STATE
with the time of sampling (UTC), the value in quotes where it is empty or holds
spaces, and valid, invalid or - (not a bus point). When process_data goes away,
watch waits and goes on when it is back.

Examples:
  fieldgate watch --state-dir=/tmp/gw
  fieldgate watch --state-dir=/tmp/gw --for=10s /Process/Bus1 | grep invalid

Exit status: 0 the time of --for is over; 1 process_data never answered, or
refused the path; 2 misuse. Ctrl-C ends it.)";

class View {
 public:
  virtual ~View() = default;
  virtual void OnChanges(const std::vector<ValueRow>& changes) = 0;
  // Some time passed, or `waiting_for` changed; empty: nothing is waited for.
  virtual void Refresh(const std::vector<ValueRow>& rows, const std::string& waiting_for) = 0;
};

class LineView : public View {
 public:
  void OnChanges(const std::vector<ValueRow>& changes) override {
    for (const ValueRow& row : changes) std::fputs((ChangeLine(row) + "\n").c_str(), stdout);
    std::fflush(stdout);
  }
  void Refresh(const std::vector<ValueRow>&, const std::string& waiting_for) override {
    if (waiting_for == shown_) return;
    shown_ = waiting_for;
    if (!shown_.empty()) std::fputs(("waiting for " + shown_ + "\n").c_str(), stderr);
  }

 private:
  std::string shown_;
};

class ScreenView : public View {
 public:
  explicit ScreenView(std::string path) : path_(std::move(path)) {}

  void OnChanges(const std::vector<ValueRow>&) override {}
  void Refresh(const std::vector<ValueRow>& rows, const std::string& waiting_for) override {
    winsize window = {};
    ScreenSize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 0) {
      size = {.lines = window.ws_row, .columns = window.ws_col};
    }
    const std::string title =
        absl::StrCat(path_, waiting_for.empty() ? "" : absl::StrCat("  waiting for ", waiting_for));
    std::string text = "\x1b[H";  // top left; each line is cleared to its end, then the rest
    const char* separator = "";
    for (const std::string& line : TableLines(rows, title, absl::Now(), size)) {
      absl::StrAppend(&text, separator, line, "\x1b[K");
      separator = "\r\n";
    }
    text += "\x1b[J";
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

 private:
  const std::string path_;
};

class Watcher {
 public:
  Watcher(const service::StateDir& dir, const std::string& path, absl::Time end, View& view)
      : path_(path),
        end_(end),
        view_(view),
        stub_(process_data::v1::ProcessData::NewStub(rpc::Connect(dir.Socket("process_data")))) {}

  // Returns at the end of the time, or earlier with why process_data refuses.
  absl::Status Follow() {
    while (true) {
      const absl::Status status = FollowOnce();
      if (absl::IsInvalidArgument(status) || absl::IsInternal(status)) return status;
      if (absl::Now() >= end_) break;
      view_.Refresh(table_.rows(), "process_data");
      absl::SleepFor(std::min(kRetry, end_ - absl::Now()));
    }
    return answered_ ? absl::OkStatus() : absl::UnavailableError("process_data never answered");
  }

 private:
  enum Tag : intptr_t { kStarted, kRead, kFinished };

  // One subscription, until it ends. Asynchronous, so that the screen is
  // refreshed in between without a thread.
  absl::Status FollowOnce() {
    process_data::v1::SubscribeRequest request;
    request.add_paths(path_);
    request.set_subtree(true);
    grpc::ClientContext context;
    context.set_wait_for_ready(true);  // connects as long as the call is under way
    if (end_ != absl::InfiniteFuture()) context.set_deadline(absl::ToChronoTime(end_));
    grpc::CompletionQueue queue;
    const auto reader = stub_->PrepareAsyncSubscribe(&context, request, &queue);
    reader->StartCall(reinterpret_cast<void*>(kStarted));
    process_data::v1::ValueBatch batch;
    grpc::Status end;
    absl::Status broken;
    std::string waiting_for = "process_data";
    absl::Time refresh_at = absl::Now() + kRefresh;
    while (true) {
      void* tag = nullptr;
      bool ok = false;
      const auto event = queue.AsyncNext(&tag, &ok, absl::ToChronoTime(refresh_at));
      if (absl::Now() >= refresh_at) {
        view_.Refresh(table_.rows(), waiting_for);
        refresh_at = absl::Now() + kRefresh;
      }
      if (event == grpc::CompletionQueue::TIMEOUT) continue;
      if (tag == reinterpret_cast<void*>(kFinished)) break;
      if (tag == reinterpret_cast<void*>(kRead) && ok) {
        answered_ = true;
        broken = Take(batch);
        if (!broken.ok()) context.TryCancel();
        waiting_for = table_.rows().empty() ? absl::StrCat("values at ", path_) : "";
      }
      if (ok) {
        reader->Read(&batch, reinterpret_cast<void*>(kRead));
      } else {
        reader->Finish(&end, reinterpret_cast<void*>(kFinished));
      }
    }
    queue.Shutdown();
    void* tag;
    bool ok;
    while (queue.Next(&tag, &ok)) {
    }
    return broken.ok() ? rpc::FromGrpc(end) : broken;
  }

  absl::Status Take(const process_data::v1::ValueBatch& batch) {
    const absl::StatusOr<std::vector<ValueRow>> changes = table_.Apply(batch);
    if (changes.ok()) view_.OnChanges(*changes);
    return changes.status();
  }

  const std::string path_;
  const absl::Time end_;
  View& view_;
  const std::unique_ptr<process_data::v1::ProcessData::Stub> stub_;
  ValueTable table_;
  bool answered_ = false;
};

}  // namespace

int Watch(int argc, char** argv) {
  service::StateDir dir;
  std::string duration_text;
  std::vector<std::string> paths;
  const cli::Command command = {
      .name = "fieldgate watch",
      .summary = "Shows live values of the process image.",
      .usage = "--state-dir=DIR [--for=DURATION] [PATH]",
      .options = {StateDirOption(&dir.path),
                  {.name = "for",
                   .placeholder = "DURATION",
                   .help = "Ends after this time: 10s, 5m, 1h30m.",
                   .text = &duration_text}},
      .positional = &paths,
      .details = kDetails,
  };
  if (const auto status = ParseOrExit(command, argc, argv)) return *status;
  if (dir.path.empty()) return Misuse(command, "--state-dir=DIR is missing");
  if (paths.size() > 1) return Misuse(command, "give one PATH");
  absl::Duration duration = absl::InfiniteDuration();
  if (!duration_text.empty() &&
      (!absl::ParseDuration(duration_text, &duration) || duration <= absl::ZeroDuration())) {
    return Misuse(command, "--for is a duration: 10s, 5m, 1h30m");
  }
  const std::string path = paths.empty() ? "/Process" : paths[0];

  LineView lines;
  ScreenView screen(path);
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  Watcher watcher(dir, path, absl::Now() + duration, terminal ? static_cast<View&>(screen) : lines);
  const absl::Status status = watcher.Follow();
  if (terminal) std::fputs("\n", stdout);
  return status.ok() ? kDone : Fail(command, status.message());
}

}  // namespace fieldgate::commands
