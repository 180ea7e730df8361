#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "common/tixml/node.h"
#include "google/protobuf/repeated_field.h"
#include "proto/config_store.pb.h"
#include "services/config_store/validation/origins.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// What holds data points: words for messages, and what a point may have.
struct PointList {
  absl::string_view name;    // "section"
  absl::string_view unread;  // of a value that nothing gives: "sent as invalid"
  bool hysteresis;
};

// Reads the children of `element` as data points (manual 7, 7.1, Table 2-3)
// into `points`. `unknown_paths` takes the warnings about paths that `origins`
// doesn't know: they change with PROCCFG.
void ReadDataPoints(const tixml::Node& element, const Place& place, const PointList& list,
                    const Origins& origins,
                    google::protobuf::RepeatedPtrField<v1::DataPoint>& points, Problems& problems,
                    Problems& unknown_paths);

// A gps point, which has two paths.
bool IsGps(const v1::DataPoint& point);

bool HasVirtualDevice(const v1::DataPoint& point);

// The sensors that data points become. A body names a sensor by controller and
// id, as XML names (PROTOCOL 1): two paths must not become the same, nor a path
// stand in one body twice.
class Sensors {
 public:
  // Notes the sensors of `point`, which stands at `place` in `list`, the name of
  // its section or log. Errors: a sensor that another path has already, or the
  // same path in the same list.
  void Note(const v1::DataPoint& point, absl::string_view list, const Place& place,
            Problems& problems);

 private:
  struct Sensor {
    std::string path;
    std::string list;  // the last one that has it
    std::string place;
  };

  void NotePath(absl::string_view path, bool gps, absl::string_view list, const Place& place,
                Problems& problems);

  absl::flat_hash_map<std::string, Sensor> sensors_;
};

// The name of the controller that a path belongs to (manual Tables 2-1, 2-2);
// for a gps point its first level.
std::string ControllerOf(absl::string_view path, bool gps);

}  // namespace fieldgate::config_store
