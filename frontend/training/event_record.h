#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// The files that TensorBoard reads: records of TensorFlow (TFRecord), each an Event of its protocol buffers.
namespace sinter {

// Castagnoli's polynomial.
uint32_t crc32c(std::string_view bytes);

// `bytes` between their length and check sums.
std::string framed(std::string_view bytes);

// Times are seconds since 1970.
std::string version_event(double time);  // what a file begins with
std::string scalar_event(double time, int64_t step, std::string_view measure, float value);

}  // namespace sinter
