#pragma once

#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/cloud_link/command/request_log.h"
#include "services/cloud_link/mqtt/mqtt_client.h"
#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::simulation {

// A part that is broken on purpose, to see that the simulation finds it.
enum class Mutation {
  kNone,
  kDeletesBeforeAcknowledgement,  // an outbox that removes what was only read
  kForgetsCommit,                 // an outbox one of whose commits does nothing
  kRepeatsMessageId,              // an outbox that gives an id twice
  kUnboundedOutbox,               // an outbox without its bound
  kSilentLoss,                    // an outbox that names no losses
  kReordersPublications,          // a client that swaps two messages
  kDropsPublication,              // a client that acknowledges what it has not sent
  kChangesRepetition,             // a client that sends a message again, a bit changed
  kForgetsRequests,               // a request log that knows no answered request
  kForgetsBegin,                  // a request log that doesn't note what has begun
  kLyingDisk,                     // a disk that loses what was synced
  kAppliesRejected,               // a config_store that changes although it refuses
  kPollsLate,                     // polls at another rate than configured
  kBusyLoop,                      // a thread that never rests
};

struct NamedMutation {
  Mutation mutation;
  absl::string_view name;
};
const std::vector<NamedMutation>& Mutations();

// The part given, or a broken one around it.
std::unique_ptr<cloud_link::Outbox> Mutate(Mutation mutation,
                                           std::unique_ptr<cloud_link::Outbox> outbox);
std::unique_ptr<cloud_link::RequestLog> Mutate(Mutation mutation,
                                               std::unique_ptr<cloud_link::RequestLog> requests);
std::unique_ptr<cloud_link::MqttClient> Mutate(Mutation mutation,
                                               std::unique_ptr<cloud_link::MqttClient> client,
                                               cloud_link::MqttListener& listener);

}  // namespace fieldgate::simulation
