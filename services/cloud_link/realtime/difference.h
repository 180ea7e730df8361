#pragma once

#include "common/value/value.h"

namespace fieldgate::cloud_link {

// Whether two values differ by `least` (not negative) or more; any other than
// two numbers when they differ at all, also in their kind. A bool is no number.
//
// Decimal values have no exact double: 0.3 - 0.2 is a little less than 0.1. A
// difference therefore counts as `least` when it is short of it by no more than
// 4 ulp of the largest of the three numbers. Integers, also those that are
// doubles, are compared exactly.
bool DiffersBy(const Value& a, const Value& b, double least);

}  // namespace fieldgate::cloud_link
