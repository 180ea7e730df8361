#include "services/cloud_link/payload/data_model.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "services/cloud_link/payload/channels.h"
#include "services/cloud_link/payload/controller_name.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::Connector;
using config_store::v1::DataPoint;

class Builder {
 public:
  Builder(const Connector& connector, DataModel& model)
      : json_(connector.format() == config_store::v1::JSON),
        one_gps_element_(connector.gps_as_lng_attribute() && !json_),
        model_(model) {}

  void Add(const DataPoint& point) {
    const std::string path = NormalPath(point.path());
    if (point.second_path().empty()) {
      model_.channels.push_back(Find(AddressOf(path), {"", &point, false, false, path}));
      return;
    }
    const std::string second = NormalPath(point.second_path());
    const SensorAddress first_address = GpsAddressOf(path);
    if (one_gps_element_) {
      DataModel::Place place =
          Find(first_address, {"", &point, true, true, absl::StrCat(path, " ", second)});
      model_.channels.push_back(place);
      place.second = true;
      model_.channels.push_back(place);
      return;
    }
    const SensorAddress second_address = {first_address.controller, GpsAddressOf(second).sensor};
    const DataModel::Sensor first_sensor = {"", &point, true, false, path};
    const DataModel::Sensor second_sensor = {"", &point, true, false, second};
    // The longitude comes first, as in the bodies of 7.1.
    DataModel::Place a, b;
    if (point.second_is_longitude()) {
      b = Find(second_address, second_sensor);
      a = Find(first_address, first_sensor);
    } else {
      a = Find(first_address, first_sensor);
      b = Find(second_address, second_sensor);
    }
    model_.channels.push_back(a);
    model_.channels.push_back(b);
  }

 private:
  std::string OnWire(const std::string& id) const { return json_ ? id : tixml::ToXmlName(id); }

  // The place of `sensor`, which is added if it is new.
  DataModel::Place Find(const SensorAddress& address, DataModel::Sensor sensor) {
    const std::string controller_id = OnWire(address.controller);
    sensor.id = OnWire(address.sensor);
    const auto [controller, new_controller] =
        controllers_.try_emplace(controller_id, static_cast<uint32_t>(model_.controllers.size()));
    if (new_controller) model_.controllers.push_back({controller_id, address.controller, {}});
    DataModel::Controller& owner = model_.controllers[controller->second];
    // No id holds a slash: the levels of a path are split there.
    const auto [found, added] = sensors_.try_emplace(
        absl::StrCat(controller_id, "/", sensor.id),
        DataModel::Place{controller->second, static_cast<uint32_t>(owner.sensors.size()), false});
    if (added) {
      owner.sensors.push_back(std::move(sensor));
    } else if (const DataModel::Sensor& other = owner.sensors[found->second.sensor];
               other.source != sensor.source && model_.conflict.ok()) {
      model_.conflict = absl::InvalidArgumentError(
          absl::StrCat("data points ", other.point->name(), " (", other.source, ") and ",
                       sensor.point->name(), " (", sensor.source, ") would both be sensor '",
                       sensor.id, "' of controller '", owner.id, "'"));
    }
    return found->second;
  }

  const bool json_;
  const bool one_gps_element_;
  DataModel& model_;
  absl::flat_hash_map<std::string, uint32_t> controllers_;
  absl::flat_hash_map<std::string, DataModel::Place> sensors_;
};

}  // namespace

DataModel DataModel::Of(const Connector& connector) {
  DataModel model;
  Builder builder(connector, model);
  for (const DataPoint* point : PointsOf(connector)) builder.Add(*point);
  return model;
}

absl::string_view TypeOf(const DataPoint& point) {
  for (const DataPoint::Metadata& metadata : point.metadata()) {
    if (metadata.name() == "type") return metadata.value();
  }
  return "custom";
}

}  // namespace fieldgate::cloud_link
