import HillockCore
import HillockData
import HillockFormats
import TestFolders
import Testing

@Suite struct LabelledImagesTests {
    let images = HostArray((0..<12).map { UInt8($0) }, shape: [3, 2, 2])

    private func make(_ images: HostArray, _ labels: HostArray, _ classNames: [String]? = nil) throws -> LabelledImages {
        try LabelledImages(images: images, labels: labels, classNames: classNames, imagesFile: "i.gz", labelsFile: "l.gz")
    }

    @Test func whatBelongsTogether() throws {
        let data = try make(images, HostArray([UInt8(0), 2, 1]))
        #expect((data.count, data.height, data.width) == (3, 2, 2))
        #expect(data.classNames == ["0", "1", "2"])
        #expect(try make(images, HostArray([UInt8(0), 1, 0]), ["cat", "dog", "bird"]).classNames == ["cat", "dog", "bird"])
    }

    @Test func messages() {
        let labels = HostArray([UInt8(0), 9, 10])
        let names = (0...9).map { "\($0)" }
        #expect(failure { try make(images, labels, names) } == "l.gz: label 2 is 10, expected 0 to 9 (10 classes)")
        #expect(
            failure { try make(images, HostArray([UInt8(0), 1])) } == "l.gz: number of labels is 2, expected 3, one for each image of i.gz")
        #expect(
            failure { try make(HostArray([UInt8](), shape: [0, 2, 2]), HostArray([UInt8]())) }
                == "i.gz: image array is u8 of shape [0, 2, 2], expected u8 of shape [count, height, width], none of them 0")
        #expect(
            failure { try make(HostArray([UInt8(1)]), HostArray([UInt8(1)])) }
                == "i.gz: image array is u8 of shape [1], expected u8 of shape [count, height, width], none of them 0")
        #expect(
            failure { try make(images, HostArray([Int32(0), 1, 2])) }
                == "l.gz: label array is i32 of shape [3], expected u8 of shape [count]")
    }
}
