#pragma once

#include <cstdlib>
#include <optional>

namespace sinter::runtime {

// As how many processes a launcher of MPI has started this program, as the environment says: 0 where it does
// not say how many. None where this process was started by itself.
inline std::optional<int> launched_ranks() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const char* value = std::getenv(name)) return std::atoi(value);
  }
  if (std::getenv("PMIX_RANK") != nullptr) return 0;
  return std::nullopt;
}

}  // namespace sinter::runtime
