#include "backends/vulkan/player/program_file.h"

#include <cstring>
#include <stdexcept>

#include "runtime/error.h"
#include "runtime/file.h"
#include "tests/fuzz/targets/targets.h"

namespace sinter::fuzz {
namespace {

constexpr size_t kHead = 24, kChecksum = 16;  // bytes before the fields, and where their checksum lies

void read(const std::string& bytes) {
  vulkan::ProgramFile file;
  try {
    file = vulkan::program_from_bytes(bytes, "file");
  } catch (const RuntimeError&) {
    return;
  }
  const std::string written = to_bytes(file);
  if (to_bytes(vulkan::program_from_bytes(written, "file")) != written)
    throw std::logic_error("a program that reads back as another");
}

}  // namespace

// The bytes as a file of an exported program, and as what stands behind its head: a checksum keeps all that
// is damaged there.
void program_file(std::string_view bytes) {
  read(std::string(bytes));
  std::string whole = to_bytes(vulkan::ProgramFile()).substr(0, kHead);
  whole += bytes;
  const uint64_t checksum = runtime::checksum(bytes);
  std::memcpy(whole.data() + kChecksum, &checksum, sizeof checksum);
  read(whole);
}

}  // namespace sinter::fuzz
