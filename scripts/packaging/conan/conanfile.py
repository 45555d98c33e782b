# conan create scripts/packaging/conan: from this tree, with the system's LLVM, fmt and glslang; of ConanCenter it needs
# nothing. Debian's packages that are missing are an error, or installed with
#   -c tools.system.package_manager:mode=install -c tools.system.package_manager:sudo=True
# It ends with test_package, which builds a program with the package and trains it. Projects that require it call
# find_package(sinter), as everywhere else.
import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load
from conan.tools.system.package_manager import Apt


class Sinter(ConanFile):
    name = "sinter"
    license = "Apache-2.0"
    description = "Deep learning in C++20 that compiles whole training steps"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "mpi": [True, False], "vulkan": [True, False]}
    default_options = {"shared": True, "mpi": False, "vulkan": True}
    package_type = "library"

    @property
    def _tree(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        text = load(self, os.path.join(self._tree, "CMakeLists.txt"))
        self.version = re.search(r"project\(sinter VERSION ([0-9.]+)", text).group(1)

    def export_sources(self):
        for part in ("CMakeLists.txt", "LICENSE", "frontend/*", "ir/*", "passes/*", "backends/*", "runtime/*",
                     "scripts/*"):
            copy(self, part, self._tree, self.export_sources_folder)

    def system_requirements(self):
        packages = ["llvm-19-dev", "libfmt-dev", "nlohmann-json3-dev"]
        if self.options.mpi:
            packages += ["libopenmpi-dev"]
        if self.options.vulkan:
            packages += ["libvulkan-dev", "glslang-dev", "glslang-tools", "spirv-tools"]
        Apt(self).install(packages, check=True)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["SINTER_MPI"] = bool(self.options.mpi)
        toolchain.cache_variables["SINTER_VULKAN"] = bool(self.options.vulkan)
        for part in ("TESTS", "EXAMPLES", "TOOLS", "BENCH"):
            toolchain.cache_variables["SINTER_" + part] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build(target="sinter-mpi" if self.options.mpi else "sinter")

    def package(self):
        CMake(self).install()

    def package_info(self):
        # find_package(sinter) reads what the build installs.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = [os.path.join("lib", "cmake", "sinter")]
        self.cpp_info.libs = ["sinter"]
