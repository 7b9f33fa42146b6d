"""Names of columns that mean one thing wherever they stand, and names of what is of no use here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Names in the order in which one is taken before another, where a table has several of a kind.
NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "patient": (
            "patient_id", "patient", "patient_no", "patient_nr", "patient_number", "pat_id", "pat_no", "pat_nr", "pat",
            "pid", "subject", "subject_id", "subject_no", "subject_number", "subjid", "usubjid", "participant",
            "participant_id", "person_id", "case_id", "case_no", "case", "record_id", "patienten_id",
            "patientennummer", "patientennr", "fallnummer", "fall_nr", "病历号", "住院号", "病案号", "病人编号",
            "患者编号", "患者id", "患者", "病人", "受试者编号", "受试者", "mrn", "medical_record_number",
            "hospital_number", "hospital_no", "hosp_no", "chart_no", "screening_no", "编号", "id", "study_id",
        ),
        "day": (
            "day", "study_day", "visit_day", "day_of_study", "days", "time", "ady", "trdy", "lbdy", "days_since_start",
            "days_from_start", "days_from_baseline", "days_since_baseline", "day_of_treatment", "treatment_day", "tag",
            "tage", "studientag", "behandlungstag", "天数", "天", "治疗天数",
        ),
        "week": (
            "week", "weeks", "wk", "week_no", "week_number", "study_week", "weeks_since_start", "weeks_from_start",
            "weeks_from_baseline", "weeks_since_baseline", "woche", "wochen", "studienwoche", "周", "周数", "第几周",
        ),
        "month": ("month", "months", "month_no", "months_since_start", "months_from_baseline", "monat", "月数"),
        "visit": (
            "visit", "visit_name", "visit_label", "time_point", "timepoint", "avisit", "redcap_event_name", "visite",
            "zeitpunkt", "untersuchung", "访视", "访视名称", "时间点", "随访",
        ),
        "date": (
            "date", "visit_date", "date_of_visit", "visit_dt", "scan_date", "scan_dt", "ct_date", "imaging_date",
            "imaging_dt", "mri_date", "exam_date", "exam_dt", "examination_date", "assessment_date", "date_of_scan",
            "date_of_ct", "date_of_imaging", "date_of_assessment", "dov", "sample_date", "lab_date", "lab_dt",
            "study_date", "collection_date", "date_collected", "measurement_date", "result_date", "draw_date",
            "date_of_sample", "date_of_collection", "blood_date", "test_date", "specimen_date", "trdtc", "lbdtc",
            "adt", "datum", "untersuchungsdatum", "ct_datum", "mrt_datum", "scan_datum", "befunddatum",
            "abnahmedatum", "labordatum", "visitendatum", "besuchsdatum", "messdatum", "staging_datum",
            "datum_der_untersuchung", "datum_ct", "日期", "就诊日期", "检查日期", "检查时间", "检测日期", "检验日期",
            "采样日期", "采血日期", "复查日期", "影像日期", "扫描日期", "访视日期", "ct日期", "随访日期", "评估日期",
        ),
        "start_date": (
            "start_date", "c1d1", "c1d1_date", "treatment_start", "treatment_start_date", "date_start_treatment",
            "start_of_treatment", "start_of_therapy", "start_of_chemotherapy", "therapy_start", "therapy_start_date",
            "chemo_start", "chemo_start_date", "first_dose", "first_dose_date", "date_of_first_dose", "day0",
            "rx_start_date", "baseline_date", "trtsdt", "rfstdtc", "rfxstdtc", "therapiebeginn", "therapiestart",
            "behandlungsbeginn", "chemobeginn", "chemostart", "beginn_chemotherapie", "beginn_therapie", "startdatum",
            "开始日期", "治疗开始日期", "化疗开始日期", "首次用药日期", "首次给药日期", "首次治疗日期", "用药开始日期",
        ),
        "arm": ("arm", "treatment_arm", "group", "treatment_group", "therapiearm", "组别", "治疗组"),
        "tumour_type": (
            "tumour_type", "tumor_type", "cancer_type", "primary_site", "histology", "tumorart", "tumorentität",
            "entität", "肿瘤类型", "癌种",
        ),
        "sex": ("sex", "gender", "geschlecht", "性别"),
        "birth_year": ("birth_year", "year_of_birth", "yob", "geburtsjahr", "出生年份"),
        "line": ("line", "line_of_treatment", "treatment_line", "therapielinie", "治疗线数"),
        "death_date": ("death_date", "date_of_death", "dod", "todesdatum", "sterbedatum", "死亡日期"),
        "death_day": ("death_day",),
        "test": (
            "test", "test_name", "test_code", "analyte", "marker", "marker_name", "biomarker", "parameter", "param",
            "paramcd", "lbtest", "lbtestcd", "lab_test", "component", "laborparameter", "tumormarker", "untersuchung",
            "检验项目", "检测项目", "项目", "项目名称", "指标", "肿瘤标志物", "标志物",
        ),
        "result": (
            "result", "value", "result_value", "numeric_result", "test_result", "lab_result", "lbstresn", "lborres",
            "aval", "ergebnis", "wert", "messwert", "结果", "检测结果", "检验结果", "数值", "值", "测定值",
        ),
        "unit": (
            "unit", "units", "uom", "result_unit", "result_units", "lbstresu", "lborresu", "einheit", "单位",
            "marker_unit", "value_unit",
        ),
        "size_unit": ("size_unit", "size_units", "diameter_unit", "diameter_units", "trstresu", "trorresu"),
        "limit": ("uln", "upper_limit", "upper_limit_of_normal", "ref_high", "reference_high", "参考上限"),
    }
)  # fmt: skip
OTHER_NAMES: Final = (
    (
        "doses",
        "drug",
        ("drug", "drug_name", "medication", "agent", "medikament", "wirkstoff", "药物", "药品"),
    ),
    ("doses", "dose", ("dose", "dose_given", "dose_mg", "dosis", "剂量")),
    ("doses", "unit", ("dose_unit", "dose_units")),
    ("doses", "cycle", ("cycle", "cycle_no", "cycle_number", "zyklus", "周期")),
    ("doses", "regimen", ("regimen", "schema", "therapieschema", "方案")),
    ("events", "term", ("ae_term", "aeterm", "adverse_event", "ae_name")),
    ("events", "grade", ("ae_grade", "aetoxgr", "ctcae_grade", "grade")),
)
PERSONAL: Final = "names a person"
FREE_TEXT: Final = "free text"
_NO_SIZE: Final = "neither a size, a marker nor a time"
# A name alone is a person's; the name of a test, a drug or a lesion is not.
OF_NO_USE: Final = (
    (re.compile(r"^redcap_(?!event_name$)\w+$|_(complete|timestamp)$"), "REDCap's own"),
    (
        re.compile(
            r"^((patient|pat|first|last|full|family|given|sur|fore|middle)_?names?|names?|vorname|nachname|"
            r"initials?|initialen|姓名|(patient|患者|病人)_?(name|姓名)|电话|手机号?|联系电话|地址|身份证号?|ssn|"
            r"dob|birth_?date|date_of_birth|birthday|geburtsdatum|geb\.?_?datum|出生日期|出生年月)$|"
            r"(^|_)(initials|surname|phone|telephone|email|e-mail|address|adresse|telefon|postcode|zip)$"
        ),
        PERSONAL,
    ),
    (
        re.compile(
            r"^(study|studyid|study_name|protocol(_no)?|domain|site_?id|studie|center|centre|zentrum|研究编号|中心)$"
        ),
        "names the study",
    ),
    (
        re.compile(
            r"^(hgb|hb|hemoglobin|haemoglobin|hämoglobin|wbc|leuko\w*|neut\w*|anc|plt|platelets?|thrombo\w*|crea|creat\w*|"
            r"kreatinin|alt|ast|gpt|got|ggt|bilirubin|albumin|crp|ecog|ecog_ps|ps|karnofsky|kps|weight\w*|gewicht\w*|"
            r"height\w*|größe_\(cm\)|körpergröße\w*|bsa|kof|bmi|age\w*|alter|dob|bp|temperature|race|ethnicity|"
            r"年龄|体重|身高|血红蛋白|白细胞|血小板|中性粒细胞|肌酐)(_.*)?$"
        ),
        _NO_SIZE,
    ),
    (
        re.compile(
            r"^((overall|best|tumou?r|recist|investigator)_?)*response$|^(bor|orr|recist|ansprechen|疗效|疗效评价)$"
        ),
        "a response as reported; turnpoint derives its own",
    ),
)  # fmt: skip
