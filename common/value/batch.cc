#include "common/value/batch.h"

#include <bit>

namespace fieldgate {

using process_data::v1::ValueBatch;

absl::Status CheckColumns(const ValueBatch& batch, size_t points) {
  size_t values = 0;
  for (const ValueBatch::Run& run : batch.runs()) {
    if (size_t{run.first()} + run.count() > points) {
      return absl::InternalError("process_data sent values of points that it has not named");
    }
    values += run.count();
  }
  if (batch.kinds().size() != values || batch.states().size() != values ||
      static_cast<size_t>(batch.bits_size()) != values) {
    return absl::InternalError("process_data sent columns of different lengths");
  }
  return absl::OkStatus();
}

namespace {

template <class Columns>
Value ValueOf(const Columns& columns, int i) {
  const uint64_t bits = columns.bits(i);
  switch (columns.kinds()[static_cast<size_t>(i)]) {
    case process_data::v1::FLOAT:
      return std::bit_cast<double>(bits);
    case process_data::v1::INT:
      return static_cast<int64_t>(bits);
    case process_data::v1::UINT:
      return bits;
    case process_data::v1::BOOL:
      return bits != 0;
    case process_data::v1::TEXT:
      return bits < static_cast<uint64_t>(columns.texts_size())
                 ? columns.texts(static_cast<int>(bits))
                 : std::string();
    default:
      return Value();
  }
}

}  // namespace

Value ValueAt(const ValueBatch& batch, int i) { return ValueOf(batch, i); }

Value ValueAt(const process_data::v1::ReadLogResponse::Record& record, int i) {
  return ValueOf(record, i);
}

}  // namespace fieldgate
