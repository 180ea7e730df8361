#include "services/process_data/batch_message.h"

#include <string>
#include <utility>

namespace fieldgate::process_data {

void ToProto(Batch& batch, v1::ValueBatch& message) {
  message.Clear();
  if (batch.has_dictionary) {
    v1::ValueBatch::Dictionary& dictionary = *message.mutable_dictionary();
    for (std::string& path : batch.paths) dictionary.add_paths(std::move(path));
    dictionary.set_origins(batch.origins);
  }
  message.mutable_runs()->Reserve(static_cast<int>(batch.runs.size()));
  for (const Batch::Run& run : batch.runs) {
    v1::ValueBatch::Run& r = *message.add_runs();
    r.set_first(run.first);
    r.set_count(run.count);
    r.set_sampled_at_us(run.sampled_at_us);
  }
  message.mutable_kinds()->swap(batch.kinds);
  message.mutable_states()->swap(batch.states);
  message.mutable_bits()->Add(batch.bits.begin(), batch.bits.end());
  for (std::string& text : batch.texts) message.add_texts(std::move(text));
}

}  // namespace fieldgate::process_data
