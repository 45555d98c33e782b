// A program that has no compiler, nor anything to play.
#include <sinter/error.h>
#include <sinter/exported.h>

#include <cstdio>

int main() {
  try {
    const sinter::ExportedProgram exported("absent.sinter");
    return 1;
  } catch (const sinter::Error& error) {
    std::printf("%s\n", error.what());
    return 0;
  }
}
