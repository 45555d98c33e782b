#pragma once

#include <limits>
#include <string>
#include <vector>

namespace sinter::runtime {

// What of the machine this process may use, as Linux tells it.
struct Processors {
  // Numbers of logical processors, by the last cache that they share. The first of each core come before
  // their siblings.
  std::vector<std::vector<int>> caches;
  int cores = 1;  // that these are of
  // Processors' worth of time that its control groups may take together.
  double quota = std::numeric_limits<double>::infinity();

  // Threads that get a core each, no more than the quota keeps busy: 2 where it is 1.5.
  int best_threads() const;
};

// Of the logical processors `allowed`. `root` is where /sys and /proc are; what cannot be read there sets no
// bound, and processors of which nothing is known are cores of their own. Those that share no cache with
// another core are listed together.
Processors find_processors(const std::vector<int>& allowed, const std::string& root = "");

// Of those on which the calling thread may run.
Processors find_processors();

}  // namespace sinter::runtime
