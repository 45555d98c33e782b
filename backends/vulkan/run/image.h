#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/collectives/meeting.h"
#include "runtime/executable.h"

namespace sinter::vulkan {

// How a shader sees one of its arguments.
struct View {
  enum class Kind : uint8_t { storage, texels_f32, texels_f32_by_4, texels_i32 };

  size_t argument = 0;
  Kind kind = Kind::storage;

  auto operator<=>(const View&) const = default;
};

// A compute shader. Its bindings are the views, then the call and the faults if it has to do with them.
struct Kernel {
  std::string name;
  std::vector<uint32_t> spirv;
  std::vector<View> views;
  uint32_t offsets = 0;  // push constants of 4 bytes
  bool reads_call = false;
  bool uses_faults = false;
  bool reports_faults = false;
};

// What a launch touches of a slot, in bytes.
struct Binding {
  size_t slot = 0;
  int64_t begin = 0;
  int64_t end = 0;
  bool written = false;
};

// Dispatches of one kernel may have different numbers of workgroups.
struct Dispatch {
  size_t kernel = 0;
  std::array<uint32_t, 2> groups{1, 1};
};

// Its dispatches are side by side: none reads what another writes.
struct Launch {
  std::vector<Dispatch> dispatches;
  size_t info = 0;
  std::vector<Binding> bindings;
  std::vector<int32_t> offsets;
};

// Launches that are submitted together: when meetings that `ends` numbers have ended, and before others
// begin, for which the host waits.
struct Segment {
  std::vector<size_t> ends;
  size_t launches = 0;  // how many
  std::vector<size_t> begins;
};

// A compiled program: its loops are unrolled.
struct Image : runtime::ProgramLayout {
  std::vector<Kernel> kernels;
  std::vector<Launch> launches;
  std::vector<Segment> segments;  // one where there are no meetings
  std::vector<runtime::Meeting> meetings;
  std::vector<bool> f32_faults;  // by fault site: whether the value is reported as an f32
};

}  // namespace sinter::vulkan
