#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fieldgate::fault {

struct PowerCutOptions {
  uint64_t seed = 1;
  // At least so many; the last chain is always finished.
  int64_t images = 500;
  // Of WriterKinds; empty: all.
  std::string writer;
  // A disk that says it has synced and hasn't: rows are lost.
  bool lying_disk = false;
};

struct PowerCutTotals {
  int64_t chains = 0;
  int64_t cuts = 0;
  int64_t images = 0;
  int64_t acknowledged = 0;  // steps, over all images
  // Of the images whose power failed ...
  int64_t while_opening = 0;     // creating, migrating, recovering
  int64_t while_moving = 0;      // of the log into the database
  int64_t in_flight_done = 0;    // ... what was not acknowledged is there, whole
  int64_t in_flight_absent = 0;  // ... or not at all
  int64_t lost = 0;     // acknowledged steps that are missing, or half done ones that are there
  int64_t corrupt = 0;  // can't be opened, or SQLite finds damage
  // One a wrong image, the first ones, with the line that reproduces it.
  std::vector<std::string> failures;
};

// Lets our code write, cuts the power, looks at the disk as it may be then, and
// goes on from there: cut after cut. A chain is one file with its cuts; the
// chain number i has the seed `seed` + i and depends on nothing else.
//
// First the chain's steps are done without a cut, which gives what is stored
// after each. With the power cut, what is stored must be that after the last
// acknowledged step, or the next one, row by row.
PowerCutTotals CutPower(const PowerCutOptions& options);

std::string ToString(const PowerCutTotals& totals);

}  // namespace fieldgate::fault
