// A program of one process.
#include <sinter/sinter.h>

#include <cstdio>

int main() {
  try {
    const sinter::Communicator one;
    std::printf("rank %d of %d\n", one.rank(), one.size());
  } catch (const sinter::Error& error) {
    std::puts(error.what());
  }
}
