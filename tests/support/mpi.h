#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <map>
#include <string>
#include <vector>

// Programs under every MPI that is there, whichever sinter::mpi has.
namespace sinter::test {

// What starts processes, by the MPI whose they are.
inline const std::map<std::string, std::string> kLaunchers = {
#ifdef SINTER_LAUNCH_openmpi
    {"openmpi", SINTER_LAUNCH_openmpi},
#endif
#ifdef SINTER_LAUNCH_mpich
    {"mpich", SINTER_LAUNCH_mpich},
#endif
};

// `check` with each MPI and its launcher, at once: they wait most of the time.
inline void with_each_mpi(
    const std::function<void(const std::string& mpi, const std::string& launcher)>& check) {
  if (kLaunchers.empty()) GTEST_SKIP() << "no MPI";
  std::vector<std::future<void>> checks;
  for (const auto& [mpi, launcher] : kLaunchers)
    checks.push_back(std::async(std::launch::async, check, mpi, launcher));
  for (auto& each : checks) each.get();
}

}  // namespace sinter::test
