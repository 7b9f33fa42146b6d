"""One prior for each patient: from their own tumour type, drugs and quantities."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import turnpoint as tp
from tests.workflows.made_up_patients import Patient, sizes, study_with
from tests.workflows.studies import study_of
from turnpoint.errors import PriorError, StudyError
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import named_prior
from turnpoint.model.series import visits_of
from turnpoint.turning.alerts import alert_history
from turnpoint.workflows.priors import by_prior, by_prior_so_far, prior_of
from turnpoint.workflows.provenance import provenance

CT = {("T1", "liver"): sizes(60, 50, 45)}
CEA = ("CEA", "ng/mL", sizes(80, 60, 40))
PSA = ("PSA", "ng/mL", sizes(80, 60, 40))
PATIENTS = {
    "A lung": Patient("NSCLC", "docetaxel", CT),
    "B colon": Patient("metastatic colorectal cancer", "FOLFOX", CT),
    "C breast": Patient("breast cancer", "paclitaxel", CT),
    "D lung": Patient("NSCLC", "docetaxel", CT),
    "E lung and CEA": Patient("NSCLC", "docetaxel", CT, CEA),
    "F prostate": Patient("prostate cancer", "docetaxel", marker=PSA),
}
EXPECTED = {
    "A lung": ("docetaxel-nsclc-ct", (SUM_OF_DIAMETERS,)),
    "B colon": ("chemotherapy-colorectal-ct", (SUM_OF_DIAMETERS,)),
    "C breast": ("generic", (SUM_OF_DIAMETERS,)),
    "D lung": ("docetaxel-nsclc-ct", (SUM_OF_DIAMETERS,)),
    "E lung and CEA": ("docetaxel-nsclc-ct+generic", (SUM_OF_DIAMETERS, "CEA")),
    "F prostate": ("docetaxel-prostate-psa", ("PSA",)),
}


@pytest.fixture(scope="module")
def study():
    return study_with({name: PATIENTS[name] for name in EXPECTED})


def test_each_patient_has_the_prior_of_their_own_tumour_drug_and_quantities(study):
    found = {name: own for own, part in by_prior(study) for name in part.patient_ids}
    assert {name: (own.name, own.quantities) for name, own in found.items()} == EXPECTED


def test_patients_who_are_alike_share_one_prior(study):
    parts = [part.patient_ids for _, part in by_prior(study)]
    assert ["A lung", "D lung"] in [list(part) for part in parts]
    assert len(parts) == 5


@pytest.mark.parametrize("name", EXPECTED)
def test_prior_of_a_patient_does_not_depend_on_anybody_else(study, name):
    alone = study_with({name: PATIENTS[name]})
    assert (
        prior_of(study, name).to_dict() == prior_of(alone, name).to_dict() == by_prior(alone)[0][0].to_dict()
    )


def test_drug_that_was_given_chooses_the_prior_where_no_arm_is_named():
    patient = Patient("", "", CT)
    with_doses = Patient("", "FOLFOX", CT, doses=(0, 14, 28))
    assert prior_of(study_with({"P": patient}), "P").name == "generic"
    assert prior_of(study_with({"P": with_doses}), "P").name == "chemotherapy-colorectal-ct"


COURSE = Patient("NSCLC", "docetaxel", CT, ("CEA", "ng/mL", sizes(80, 60, first=60)), doses=(0, 21))


def test_prior_of_a_visit_is_for_what_has_been_read_up_to_it():
    """The marker comes at day 60, and is read alone there."""
    rows = tp.assess(study_with({"P": COURSE}), particles=256).frame.select("day", "prior").rows()
    before, after = "docetaxel-nsclc-ct", "docetaxel-nsclc-ct+generic"
    assert rows == [(0, before), (42, before), (60, after), (84, after), (102, after)]


def test_prior_of_a_visit_is_for_the_drugs_given_up_to_it():
    tables = {
        "patients": "patient_id,tumour_type,arm\nP,,\n",
        "lesions": "patient_id,day,lesion_id,role,diameter_mm,status\n"
        + "".join(f"P,{day},T1,target,{mm},measured\n" for day, mm in ((-7, 60), (42, 50), (84, 45))),
        "doses": "patient_id,day,drug\nP,0,FOLFOX\nP,14,FOLFOX\n",
    }
    found = tp.assess(study_of(**tables), particles=256)
    assert found.frame["prior"].to_list() == ["generic", *2 * ["chemotherapy-colorectal-ct"]]
    assert found.priors["P"].name == "chemotherapy-colorectal-ct"


def test_stretches_have_every_visit_once_and_no_data_after_their_last(study):
    both = study_with(PATIENTS | {"G": COURSE})
    stretches = by_prior_so_far(both)
    visits = pl.concat([own.visits for own in stretches]).sort("patient_id", "day")
    assert_frame_equal(visits, visits_of(both))
    assert len({(own.prior.name, own.prior.quantities) for own in stretches}) == len(stretches)
    (early,) = [own for own in stretches if own.prior.name == "docetaxel-nsclc-ct"]
    assert early.study.only(["G"]).lesions["day"].max() == 42
    assert early.study.only(["G"]).markers.is_empty()


def test_named_prior_may_know_a_quantity_that_is_read_later_only():
    """With sizes alone the named prior's dynamics are read with a general block for them."""
    patient = Patient("prostate cancer", "docetaxel", CT, ("PSA", "ng/mL", sizes(80, 60, first=42)))
    found = tp.assess(study_with({"P": patient}), "docetaxel-prostate-psa", particles=256)
    assert found.frame.height == 3
    assert found.priors["P"].quantities == (SUM_OF_DIAMETERS, "PSA")


def test_alert_stands_on_over_a_change_of_the_prior():
    """Raised by size alone, it does not start anew when a marker is read for the first time."""
    lesions = {("T1", "liver"): sizes(60, 35, 30, 30, 44, 60)}
    late = ("CEA", "ng/mL", sizes(50, 60, first=210))
    rows = tp.assess(study_with({"P": Patient("NSCLC", "docetaxel", lesions, late)})).diagnostics
    alert = tp.assess(study_with({"P": Patient("NSCLC", "docetaxel", lesions, late)})).frame["alert"]
    assert alert.to_list()[-2:] == [True, True]
    assert rows["raised"].sum() == 1


def test_alerts_are_those_of_the_one_prior_where_there_is_only_one(study):
    found = tp.assess(study.only(["A lung", "D lung"]))
    needed = (
        "met",
        "informative_values",
        "new_lowest",
        "higher",
        "size_higher",
        "p_shrinking",
        "raised",
        "withdrawn",
    )
    rows = found.frame.select("patient_id", "day", "p_progression_24w", "alert").hstack(
        found.diagnostics.select(needed)
    )
    expected = alert_history(rows, found.priors["A lung"].alert.threshold)
    assert_frame_equal(rows, expected)


def test_named_prior_is_everybodys(study):
    own = study.only(["A lung", "B colon", "C breast"])
    ((found, part),) = by_prior(own, "generic")
    assert found.quantities == (SUM_OF_DIAMETERS,)
    assert list(part.patient_ids) == ["A lung", "B colon", "C breast"]


def test_named_prior_that_knows_none_of_a_patients_quantities_is_refused(study):
    with pytest.raises(PriorError, match="docetaxel-nsclc-ct: knows sum_of_diameters_mm"):
        by_prior(study.only(["F prostate"]), named_prior("docetaxel-nsclc-ct"))


def test_patient_without_a_usable_reading_has_a_prior_and_no_row_is_lost():
    rows = "patient_id,day,lesion_id,role,diameter_mm,status\nP1,0,T1,target,50,measured\n"
    study = study_of(lesions=rows + "P2,0,T1,target,,not_evaluable\n")
    assert [list(part.patient_ids) for _, part in by_prior(study)] == [["P1", "P2"]]
    assert tp.assess(study).frame["patient_id"].to_list() == ["P1", "P2"]
    with pytest.raises(StudyError):
        prior_of(study, "P2")


def test_assess_names_the_prior_of_each_row_and_keeps_it_by_patient(study):
    found = tp.assess(study, particles=256)
    by_row = dict(found.frame.select("patient_id", "prior").unique().rows())
    assert by_row == {name: prior for name, (prior, _) in EXPECTED.items()}
    assert {name: own.name for name, own in found.priors.items()} == by_row
    assert found.priors["A lung"] is found.priors["D lung"]


def test_harm_keeps_the_prior_of_each_patient(study):
    found = tp.harm(study.only(["A lung", "B colon"]))
    assert {name: own.name for name, own in found.priors.items()} == {
        name: EXPECTED[name][0] for name in ("A lung", "B colon")
    }


@pytest.mark.parametrize(
    ("tumour", "drug", "name"),
    [
        ("转移性结直肠癌", "奥沙利铂", "chemotherapy-colorectal-ct"),
        ("直肠癌", "", "chemotherapy-colorectal-ct"),
        ("非小细胞肺癌", "多西他赛", "docetaxel-nsclc-ct"),
        ("肺腺癌", "帕博利珠单抗", "immunotherapy-nsclc-ct"),
        ("乳腺癌", "紫杉醇", "generic"),
        ("卵巢癌", "卡铂 紫杉醇", "platinum-ovarian-ct-ca-125"),
        ("肺癌", "卡铂 紫杉醇", "carboplatin-paclitaxel-nsclc-ct"),
        ("小细胞肺癌", "卡铂", "generic"),
        ("胰腺癌", "", "generic"),
    ],
)
def test_tumours_and_drugs_in_chinese_choose_as_in_english(tumour, drug, name):
    own = study_with({"P": Patient(tumour, drug or "chemotherapy", CT)})
    assert prior_of(own, "P").name == name
    assert provenance(prior_of(own, "P"), tumour).fit == ("unmeasured" if name == "generic" else "like")
