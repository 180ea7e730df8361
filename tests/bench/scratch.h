#pragma once

#include <memory>
#include <string>

namespace fieldgate::bench {

// The one directory below /tmp in which everything of a run is (TEST_TMPDIR of
// common/testing). It goes away with the object; so it does, with the programs
// that were started, when Ctrl-C or SIGTERM ends the run. Make one, before
// other threads are started.
class Scratch {
 public:
  Scratch();
  ~Scratch();

 private:
  std::string dir_;
};

}  // namespace fieldgate::bench
