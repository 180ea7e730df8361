#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sqlite/disk.h"
#include "common/testing/seeded_chances.h"

namespace fieldgate::fault {

// The services' own code that writes one of our files, driven step by step.
// What a step does follows from the chances and from what is stored, and from
// nothing else. Thread-compatible.
class Writer {
 public:
  virtual ~Writer() = default;

  // Opens the file on `disk`, as the service does when it starts.
  virtual absl::Status Open(sqlite::Disk& disk) = 0;
  // Changes something that is durable as a whole once OK is returned, or opens
  // the file anew. Of a step that failed nothing is done, unless it was to open
  // the file anew, too: then it is closed.
  virtual absl::Status Step(SeededChances& chances) = 0;
  // What the code shows of the file, a line a thing. kDataLoss: it is not what
  // was written since Open.
  virtual absl::StatusOr<std::string> Content() = 0;
  virtual bool is_open() const = 0;
  // False: no step opens the file anew, so that its log gets long.
  void set_restarts(bool restarts) { restarts_ = restarts; }
  virtual void Close() = 0;

 protected:
  bool restarts_ = true;
};

// What there is to be tested.
struct WriterKind {
  std::string name;  // for people
  std::string path;  // of the file
  std::function<std::unique_ptr<Writer>()> make;
  // Files with the SQL of databases of former versions, oldest first.
  std::vector<std::string> former_versions;
};

const std::vector<WriterKind>& WriterKinds();

// Each makes the writer of WriterKind `path`.
std::unique_ptr<Writer> MakeCloudLinkWriter(std::string path);
std::unique_ptr<Writer> MakeConfigWriter(std::string path);
std::unique_ptr<Writer> MakeLogsWriter(std::string path);
std::unique_ptr<Writer> MakeVariablesWriter(std::string path);

}  // namespace fieldgate::fault
